"""The command that shows alerts and tests their channels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.delivery import deliver
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.cli import main
from optimove_pipeline_tests.servers.mail import mail_server
from optimove_pipeline_tests.servers.webhook import webhook

MAIL = {"host": "127.0.0.1", "security": "none", "sender": "optimove@example.com", "to": ["ops@example.com"]}
NOW = 1_800_000_000.0


def alerts(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, **settings: object) -> Result:
    file = folder / "optimove.yaml"
    file.write_text(yaml.safe_dump({"alerts": settings}))
    monkeypatch.setenv("OPTIMOVE_CONFIG", str(file))
    monkeypatch.setenv("OPTIMOVE_DATA_DIR", str(folder / "data"))
    return CliRunner().invoke(main, ["alerts", *arguments])


def test_a_test_reaches_every_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook, mail_server("none") as mailbox:
        monkeypatch.setenv("HOOK", hook.url)
        email = MAIL | {"port": mailbox.port}
        result = alerts(tmp_path, monkeypatch, "--test", webhook={"url": "${HOOK}"}, email=email)
    assert (result.exit_code, result.stdout) == (0, "log: delivered\nwebhook: delivered\nemail: delivered\n")
    assert hook.texts[0].startswith("*tenant: a test of the alerts*\nNothing has happened.")
    assert mailbox.letters[0]["Subject"] == "tenant: a test of the alerts"
    assert not (tmp_path / "data").exists()


def test_a_test_tells_which_channel_failed_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook:
        hook.answers = [(410, "channel_is_archived")]
        monkeypatch.setenv("HOOK", hook.url)
        result = alerts(tmp_path, monkeypatch, "--test", "--json", webhook={"url": "${HOOK}"})
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "log": "",
        "webhook": "answered 410 (channel_is_archived): the webhook is not there any more, or the address is wrong: "
        "make a new one",
    }


def test_a_test_without_the_secrets_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    result = alerts(tmp_path, monkeypatch, "--test", webhook={"url": "${HOOK}"})
    assert result.exit_code == 1
    assert "webhook: the environment variable HOOK is not set" in result.stdout


def test_the_alerts_raised_are_shown_with_what_became_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alerts(tmp_path, monkeypatch).stdout == "no alerts\n"
    for key in ("one", "two"):
        raise_alert(tmp_path / "data", Alert(AlertKind.LATE, key, f"{key} is late", "text"), NOW)
    channels = {"email": lambda _: "it is down" if _.key == "one" else None, "log": lambda _: None}
    deliver(tmp_path / "data", channels, ["late"], NOW)
    raise_alert(tmp_path / "data", Alert(AlertKind.LATE, "three", "three is late", "text"), NOW)
    assert alerts(tmp_path, monkeypatch).stdout.splitlines() == [
        "2027-01-15 08:00:00 UTC  three is late  waits for the next delivery, which needs Dagster's daemon",
        "2027-01-15 08:00:00 UTC  two is late  email  waits for the next delivery, which needs Dagster's daemon",
        "2027-01-15 08:00:00 UTC  two is late  log  delivered",
        "2027-01-15 08:00:00 UTC  one is late  email  "
        "failed after 1 try, again at 2027-01-15 08:00:30 UTC: it is down",
        "2027-01-15 08:00:00 UTC  one is late  log  delivered",
    ]
    rows = json.loads(alerts(tmp_path, monkeypatch, "--json").stdout)
    assert rows[2] == {
        "raised": "2027-01-15 08:00:00 UTC",
        "alert": "two is late",
        "channel": "log",
        "state": "delivered",
    }
