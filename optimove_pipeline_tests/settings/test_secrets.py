"""Secrets in settings: references to the environment, and nothing else."""

import pytest
from pydantic import BaseModel, ValidationError

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import SecretReference, expand, reveal


class Holder(BaseModel, hide_input_in_errors=True):
    secret: SecretReference


def test_a_reference_is_read_at_the_moment_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(secret="${THE_KEY}")
    monkeypatch.setenv("THE_KEY", "first")
    assert reveal(holder.secret) == "first"
    monkeypatch.setenv("THE_KEY", "second")
    assert reveal(holder.secret) == "second"
    assert "second" not in repr(holder)


@pytest.mark.parametrize("text", ["hunter2", "${A}hunter2", "$A", "${}", "${1A}", "${A-hunter2}", "", " ${A}"])
def test_anything_but_a_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValidationError, match="write a reference such as") as caught:
        Holder(secret=text)
    assert "hunter2" not in str(caught.value)


def test_an_unset_or_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    monkeypatch.setenv("EMPTY_KEY", "")
    for name in ("NO_SUCH_KEY", "EMPTY_KEY"):
        with pytest.raises(SettingsError, match=f"environment variable {name} is not set"):
            reveal(f"${{{name}}}")


def test_references_within_a_text_are_replaced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "api5.optimove.net")
    monkeypatch.setenv("ODD", "${HOST}")
    assert expand("https://${HOST}/current") == "https://api5.optimove.net/current"
    assert expand("${ODD}") == "${HOST}"
    assert expand("no reference, $HOST") == "no reference, $HOST"
