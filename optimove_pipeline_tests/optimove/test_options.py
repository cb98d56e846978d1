"""Wrong options are refused by name, and never show a credential."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.options import ApiOptions, CircuitOptions, Login

URL = "https://api5.optimove.net/current"


def options(**changes: Any) -> ApiOptions:
    return ApiOptions(**{"base_url": URL, "api_key": SecretStr("key-0123"), **changes})


@pytest.mark.parametrize("base_url", [URL, f"{URL}/"])
def test_a_function_is_appended_to_the_base_url_as_configured(base_url: str) -> None:
    assert options(base_url=base_url).url("general/GetLastDataUpdate") == f"{URL}/general/GetLastDataUpdate"


@pytest.mark.parametrize(
    "base_url",
    ["", "api5.optimove.net", "ftp://api5.optimove.net", "https://", "https://host:bad", f"{URL}?key=1", f"{URL}#x"],
)
def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(SettingsError, match="OPTIMOVE_API_URL"):
        options(base_url=base_url)


@pytest.mark.parametrize("base_url", ["https://me:hidden@host/current", "nothing://me:hidden@host"])
def test_a_password_in_the_base_url_is_refused_and_not_repeated(base_url: str) -> None:
    with pytest.raises(SettingsError, match="OPTIMOVE_API_URL") as refusal:
        options(base_url=base_url)

    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "clé"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match="OPTIMOVE_API_KEY") as refusal:
        options(api_key=SecretStr(key))

    assert not key or key not in str(refusal.value)


def test_either_a_key_or_a_login_is_needed() -> None:
    login = Login("user", SecretStr("password"))

    with pytest.raises(SettingsError, match="either an API key"):
        options(api_key=None)
    with pytest.raises(SettingsError, match="either an API key"):
        options(login=login)
    with pytest.raises(SettingsError, match="both a user name and a password"):
        options(api_key=None, login=Login("user", SecretStr("")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_seconds", 0.0),
        ("connect_seconds", -1.0),
        ("concurrency", 0),
        ("readers", 0),
        ("attempts", 0),
        ("back_off_seconds", float("nan")),
        ("rate_limited_seconds", float("inf")),
        ("back_off_cap_seconds", -1.0),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        options(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("failures", 0), ("cool_down_seconds", -1.0), ("probes", 0)])
def test_a_circuit_that_cannot_work_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"circuit.{name}"):
        CircuitOptions(**{name: value})


def test_options_never_show_a_credential() -> None:
    shown = repr(options()) + str(options(api_key=None, login=Login("user", SecretStr("pass-word"))))

    assert "key-0123" not in shown
    assert "pass-word" not in shown
