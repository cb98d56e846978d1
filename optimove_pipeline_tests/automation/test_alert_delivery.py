"""The daemon delivers alerts, shows what was not taken, and tells no secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import outbox_file, raise_alert
from optimove_pipeline.automation.alert_delivery import alert_delivery
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import Settings, parse_settings, sandbox_settings
from optimove_pipeline.file_lock import locked
from optimove_pipeline_tests.automation.ticks import Ticking
from optimove_pipeline_tests.servers.mail import Mailbox, mail_server
from optimove_pipeline_tests.servers.webhook import Hook, webhook

NOON = datetime(2025, 6, 21, 12, tzinfo=UTC)
LATE = Alert(AlertKind.LATE, "late/2025-06-20", "2025-06-20 is late", "Pull it.")
BUDGET = Alert(AlertKind.BUDGET, "budget/1", "the budget is spent", "Wait.")


class Clock:
    """The time as the sensor reads it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with webhook() as listening:
        monkeypatch.setenv("HOOK", listening.url)
        yield listening


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server("none") as listening:
        yield listening


@pytest.fixture
def settings(tmp_path: Path, hook: Hook, mailbox: Mailbox) -> Settings:
    email = {"host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    email |= {"sender": "optimove@example.com", "to": ["ops@example.com"]}
    alerting = {"kinds": ["late"], "webhook": {"url": "${HOOK}"}, "email": email}
    return parse_settings({"alerts": alerting}, source="a test", data_dir=tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def daemon(settings: Settings, clock: Clock) -> Iterator[Ticking]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(alert_delivery(settings, clock), instance)


def test_an_alert_reaches_log_webhook_and_mail_once(
    daemon: Ticking, hook: Hook, mailbox: Mailbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert daemon.tick().skip_message == "no alert to deliver"
    raise_alert(tmp_path, LATE, NOON.timestamp())
    told = "tenant: 2025-06-20 is late"
    assert daemon.tick().skip_message == "; ".join(f"{name}: {LATE.title}" for name in ("log", "webhook", "email"))
    assert daemon.tick().skip_message == "no alert to deliver"
    assert hook.texts == [f"*{told}*\nPull it."]
    assert [letter["Subject"] for letter in mailbox.letters] == [told]
    assert [message for message in caplog.messages if "Alert" in message] == [f"Alert: {told}\nPull it."]


def test_a_webhook_that_fails_is_shown_and_tried_again_and_its_address_is_not_told(
    daemon: Ticking,
    hook: Hook,
    mailbox: Mailbox,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook.answers = [(500, f"no luck at {hook.url}")]
    raise_alert(tmp_path, LATE, NOON.timestamp())
    with caplog.at_level(logging.DEBUG):
        said = daemon.tick().skip_message or ""
    failure = (
        "webhook did not take the alert '2025-06-20 is late' (try 1), again at 2025-06-21 12:00:30 UTC: "
        "answered 500: the service is busy or down, it is tried again"
    )
    assert said == f"{failure}; log: {LATE.title}; email: {LATE.title}"
    assert failure in caplog.messages
    clock.now += timedelta(seconds=30)
    assert daemon.tick().skip_message == f"webhook: {LATE.title}"
    assert len(hook.sent) == 2
    assert len(mailbox.letters) == 1
    kept = outbox_file(tmp_path).read_bytes().decode(errors="replace")
    assert "canary" not in said + caplog.text + kept


def test_kinds_that_are_not_sent_are_in_the_log_alone(
    daemon: Ticking, hook: Hook, mailbox: Mailbox, tmp_path: Path
) -> None:
    raise_alert(tmp_path, BUDGET, NOON.timestamp())
    assert daemon.tick().skip_message == f"log: {BUDGET.title}"
    assert (hook.sent, mailbox.letters) == ([], [])


def test_a_daemon_waits_for_nobody_who_delivers_already(daemon: Ticking, tmp_path: Path) -> None:
    raise_alert(tmp_path, LATE, NOON.timestamp())
    with locked(outbox_file(tmp_path).with_suffix(".lock"), "delivering alerts", timeout=0):
        assert "for delivering alerts" in (daemon.tick().skip_message or "")


def test_all_that_watches_and_delivers_runs_in_the_daemon_from_the_start(tmp_path: Path) -> None:
    sensors = definitions_of(sandbox_settings("http://127.0.0.1:1/current", tmp_path)).sensors or []
    running = {sensor.name for sensor in sensors if sensor.default_status is dg.DefaultSensorStatus.RUNNING}
    assert running >= {"ended_runs", "late_days", "budget_watch", "alert_delivery"}
