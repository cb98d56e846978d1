"""Until when credentials hold: what each kind tells, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Section
from optimove_pipeline.targets.expiry import Expiry, expiries, problems_of
from optimove_pipeline_tests.targets.credentials import sas, ssh_certificate, ssh_public_key, x509_certificate

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AZURE = {"kind": "azure", "account": "shop", "container": "in", "sas": "${EXPIRY_SAS}"}


class Server(Section):
    """Settings of something that is reached over TLS."""

    ca_file: Path
    sas: SecretReference | None = None


class Servers(Section):
    """Settings of several of them."""

    sources: dict[str, Server]


def settings_of(tmp_path: Path, **targets: Any) -> Settings:
    return parse_settings({"targets": targets}, source="a test", data_dir=tmp_path)


def sftp(key_file: Path) -> dict[str, Any]:
    return {"kind": "sftp", "host": "sftp.example.com", "username": "shop", "key_file": str(key_file)}


@pytest.mark.parametrize(
    ("end", "at"),
    [
        ("2026-12-01T00:00:00Z", END),
        ("2026-12-01T00:00Z", END),
        ("2026-12-01T00:00:00.0000000Z", END),
        ("2026-12-01", END),
        ("2026-12-01T01:00:00+01:00", END),
    ],
)
def test_the_end_of_a_sas_token_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, at: datetime
) -> None:
    for prefix in ("", "?"):
        monkeypatch.setenv("EXPIRY_SAS", prefix + sas(se=end))
        (expiry,) = expiries(settings_of(tmp_path, archive=AZURE))
        assert expiry == Expiry("SAS token", "targets.archive.sas", at)


def test_a_sas_token_whose_end_a_policy_keeps_tells_of_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPIRY_SAS", sas(si="optimove"))
    assert expiries(settings_of(tmp_path, archive=AZURE)) == []


def test_the_certificate_beside_a_key_is_read(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, optimove=sftp(tmp_path / "key"))
    assert expiries(settings) == []
    ssh_certificate(tmp_path / "key-cert.pub", int(END.timestamp()))
    assert expiries(settings) == [Expiry("certificate of the SSH key", "targets.optimove.key_file", END)]
    ssh_certificate(tmp_path / "key-cert.pub", 2**64 - 1)
    assert expiries(settings) == []


def test_certificate_files_of_anything_are_read_and_a_replaced_one_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    ends = {"Old root": [END + 50 * DAY, END - 50 * DAY], "Root": [END], "Third": [END + DAY]}
    file.write_bytes(b"".join(x509_certificate(name, end) for name, each in ends.items() for end in each))
    found = expiries(Servers(sources={"shop": Server(ca_file=file)}))
    assert found == [Expiry("certificate file", "sources.shop.ca_file", END)]


@pytest.mark.parametrize("content", [sas(se="soon"), sas(se="2026-99-01")])
def test_a_sas_token_that_can_not_be_read_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("EXPIRY_SAS", content)
    assert problems_of(expiries(settings_of(tmp_path, archive=AZURE)), NOW) == [
        "targets.archive.sas: until when the SAS token holds can't be read: it is no SAS token that can be read"
    ]


def test_a_variable_that_is_not_set_is_told_and_hides_no_other_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXPIRY_SAS", raising=False)
    ssh_certificate(tmp_path / "key-cert.pub", int(END.timestamp()))
    unset, certificate = problems_of(
        expiries(settings_of(tmp_path, archive=AZURE, optimove=sftp(tmp_path / "key"))), NOW
    )
    assert "the environment variable EXPIRY_SAS is not set" in unset
    assert certificate.startswith("targets.optimove.key_file: the certificate of the SSH key expires in 11 days")


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    ssh_public_key(tmp_path / "key-cert.pub")
    (line,) = problems_of(expiries(settings_of(tmp_path, optimove=sftp(tmp_path / "key"))), NOW)
    assert line.endswith("it is no certificate of the SSH key that can be read")
    (tmp_path / "key-cert.pub").write_text("nonsense")
    assert len(problems_of(expiries(settings_of(tmp_path, optimove=sftp(tmp_path / "key"))), NOW)) == 1
    (line,) = problems_of(expiries(Servers(sources={"shop": Server(ca_file=tmp_path / "missing.pem")})), NOW)
    assert "missing.pem" in line


@pytest.mark.parametrize(
    ("before", "warning", "said"),
    [
        (timedelta(days=31), None, ""),
        (timedelta(days=30, seconds=1), None, ""),
        (timedelta(days=30), 30, "expires in 30 days, on 2026-12-01 00:00 UTC: get a new one before that"),
        (timedelta(days=14), 14, "expires in 14 days, on"),
        (timedelta(days=13, hours=1), 14, "expires in 14 days, on"),
        (timedelta(days=3), 3, "expires in 3 days, on"),
        (timedelta(minutes=1), 3, "expires in a day, on"),
        (timedelta(), 0, "has expired, on 2026-12-01 00:00 UTC: get a new one, and put it in its place"),
        (-timedelta(days=100), 0, "has expired, on"),
    ],
)
def test_a_credential_is_warned_of_as_its_end_comes_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: timedelta, warning: int | None, said: str
) -> None:
    monkeypatch.setenv("EXPIRY_SAS", sas(se=END.isoformat()))
    settings = settings_of(tmp_path, archive=AZURE)
    (expiry,) = expiries(settings)
    assert expiry.warning(END - before) == warning
    problems = problems_of(expiries(settings), END - before)
    assert len(problems) == bool(said)
    assert all(line.startswith(f"targets.archive.sas: the SAS token {said}") for line in problems)
    assert "canary" not in str(problems) + repr(expiry)
