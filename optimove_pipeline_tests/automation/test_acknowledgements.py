"""Whether Optimove has accepted what was delivered: asked politely, seen from its API or its events, told if late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from optimove_pipeline.acknowledgements import Sign, accepted
from optimove_pipeline.alerts.alert import AlertKind
from optimove_pipeline.automation.acceptance import GROUP, accept_by_event, waiting_days
from optimove_pipeline.automation.acknowledgements import acknowledgements
from optimove_pipeline.automation.last_update import LastUpdate, read_last_update, write_last_update
from optimove_pipeline.automation.report_readiness import report_readiness
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import Entry, Ledger, State, ledger_file, new_id
from optimove_pipeline.reports.snapshots import note_update, noted_update
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.automation.ticks import Ticking, alerts
from optimove_pipeline_tests.end_to_end.place import begin, settle

DAY = date(2026, 11, 20)
CUSTOMERS = {"preset": "casino", "select": ["customers"]}
ONE_REPORT = {"select": ["promo_codes"]}
TODAY = DAY + timedelta(days=1)
AT_NIGHT = datetime(2026, 11, 21, 3, tzinfo=UTC)
READY = datetime(2026, 11, 21, 6, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUESTION = "general/GetLastDataUpdate"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def environment(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMOVE_API_URL", sandbox.url)
    monkeypatch.setenv("OPTIMOVE_API_KEY", sandbox.key)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def settings_in(folder: Path, **sections: Any) -> Settings:
    document = {
        "budget": {"windows": [{"calls": 100_000, "seconds": 10}]},
        "datasets": CUSTOMERS,
        **sections,
    }
    return parse_settings(document, source="a test", data_dir=folder)


def deliver(settings: Settings, *feeds: str, day: date = DAY, at: datetime = AT_NIGHT, version: int = 1) -> None:
    """Record a file of each feed's day as delivered at a moment."""
    ledger = Ledger(ledger_file(settings.data_dir))
    at_seconds = at.timestamp()
    for feed in feeds or ("customers",):
        entry = Entry(new_id(), "outbox", feed, day, version, 1, f"{feed}_{version}.csv", 5, 50, "abc", "run-1")
        ledger.plan([replace(entry, state=State.DELIVERED, finished_at=at_seconds)])


class Daemon:
    """The sensor in a daemon, at a moment that a test sets."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings = settings
        self.now = READY
        self._ticking = Ticking(acknowledgements(settings, lambda: self.now), instance)

    def tick(self, now: datetime) -> str:
        """Tick at a moment, and return what the tick says."""
        self.now = now
        return str(self._ticking.tick().skip_message)

    @property
    def accepted(self) -> dict[date, Sign]:
        """The days accepted, and by what."""
        found = accepted(ledger_file(self.settings.data_dir), GROUP)
        return {day: each.accepted_by for day, each in found.items()}


@pytest.fixture
def daemon(tmp_path: Path, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(settings_in(tmp_path), instance)


def questions(sandbox: RunningSandbox) -> int:
    asked: dict[str, int] = sandbox.stats()["by_function"]
    return asked.get(QUESTION, 0)


def test_a_delivered_day_is_accepted_once_the_data_reach_to_it(daemon: Daemon, sandbox: RunningSandbox) -> None:
    deliver(daemon.settings)
    assert daemon.tick(READY) == "accepted: 2026-11-20"
    assert daemon.accepted == {DAY: Sign.LAST_DATA_UPDATE}
    assert daemon.tick(READY + HOUR) == "Optimove has accepted every day that is delivered and due"
    assert questions(sandbox) == 1
    assert alerts(daemon.settings.data_dir) == []


def test_nothing_is_asked_before_the_readiness_time_or_while_nothing_is_delivered(
    daemon: Daemon, sandbox: RunningSandbox
) -> None:
    daemon.tick(READY)
    deliver(daemon.settings)
    daemon.tick(READY - MINUTE)
    assert not (daemon.settings.data_dir / "calls").exists()
    assert questions(sandbox) == 0


def test_the_api_is_asked_no_more_often_than_it_is_polled(daemon: Daemon, sandbox: RunningSandbox) -> None:
    sandbox.set_today(DAY)
    deliver(daemon.settings)
    said = daemon.tick(READY)
    assert said == "not accepted yet: 2026-11-20, Optimove's data reach to 2026-11-19"
    for minutes in range(1, 10):
        assert "asked again at 2026-11-21 06:10:00 UTC" in daemon.tick(READY + minutes * MINUTE)
    assert questions(sandbox) == 1
    sandbox.set_today(TODAY)
    assert daemon.tick(READY + 10 * MINUTE) == "accepted: 2026-11-20"
    assert questions(sandbox) == 2


def test_the_answer_that_report_readiness_has_just_had_is_taken(
    daemon: Daemon, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    deliver(daemon.settings)
    Ticking(report_readiness(daemon.settings, lambda: READY), instance).tick()
    assert daemon.tick(READY + MINUTE) == "accepted: 2026-11-20"
    assert questions(sandbox) == 1


def test_an_answer_that_is_old_or_older_than_the_delivery_is_asked_anew(
    daemon: Daemon, sandbox: RunningSandbox
) -> None:
    deliver(daemon.settings)
    write_last_update(daemon.settings.data_dir, LastUpdate(DAY, READY - 10 * MINUTE))
    assert daemon.tick(READY) == "accepted: 2026-11-20"
    assert questions(sandbox) == 1
    assert read_last_update(daemon.settings.data_dir) == LastUpdate(DAY, READY)
    deliver(daemon.settings, version=2, at=READY + MINUTE)
    write_last_update(daemon.settings.data_dir, LastUpdate(DAY, READY + MINUTE / 2))
    assert daemon.tick(READY + 2 * MINUTE).startswith("not accepted yet: 2026-11-20")
    assert daemon.tick(READY + 12 * MINUTE) == "accepted: 2026-11-20"


def test_a_day_that_is_late_is_told_once(daemon: Daemon, sandbox: RunningSandbox) -> None:
    sandbox.set_today(DAY)
    deliver(daemon.settings)
    daemon.tick(READY + 12 * HOUR - MINUTE)
    assert alerts(daemon.settings.data_dir) == []
    for minutes in (10, 20, 30):
        daemon.tick(READY + 12 * HOUR + minutes * MINUTE)
    (alert,) = alerts(daemon.settings.data_dir)
    assert (alert.kind, alert.key) == (AlertKind.LATE, "not-accepted/2026-11-20")
    assert alert.title == "2026-11-20 is delivered, and Optimove has not accepted it"
    assert alert.text == (
        "The data sets of 2026-11-20 were delivered by 2026-11-21 03:00 UTC, and Optimove was to accept them by "
        "2026-11-21 18:00 UTC. Its data reach only to 2026-11-19. Ask Optimove whether the daily process has ended, "
        "and what its checks of missing files and of volume say. It is looked for every 10 minutes from here on."
    )
    sandbox.set_today(TODAY)
    assert daemon.tick(READY + 13 * HOUR) == "accepted: 2026-11-20"


def test_hours_until_it_is_late_are_a_setting_and_count_from_the_delivery_if_that_was_later(
    tmp_path: Path, instance: dg.DagsterInstance, sandbox: RunningSandbox
) -> None:
    sandbox.set_today(DAY)
    settings = settings_in(tmp_path, datasets=CUSTOMERS | {"accepted_within_hours": 2.0})
    deliver(settings, at=READY + HOUR)
    late = Daemon(settings, instance)
    late.tick(READY + 3 * HOUR - MINUTE)
    assert alerts(tmp_path) == []
    late.tick(READY + 3 * HOUR + 10 * MINUTE)
    assert len(alerts(tmp_path)) == 1


@pytest.mark.parametrize("fault", ["http_500", "forbidden", "unauthorized", "html_page"])
def test_an_api_that_does_not_answer_is_the_reason_told_and_is_asked_no_more_often(
    daemon: Daemon, sandbox: RunningSandbox, fault: str
) -> None:
    sandbox.faults(Fault(fault))
    deliver(daemon.settings)
    assert "whether 2026-11-20 is accepted can't be asked" in daemon.tick(READY)
    asked = questions(sandbox)
    assert "asked again at 2026-11-21 06:10:00" in daemon.tick(READY + 9 * MINUTE)
    assert questions(sandbox) == asked
    daemon.tick(READY + 12 * HOUR)
    (alert,) = alerts(daemon.settings.data_dir)
    assert "How far its data reach can't be asked" in alert.text
    assert daemon.accepted == {}


def test_a_day_of_which_something_is_missing_or_under_way_is_not_looked_for(
    tmp_path: Path, instance: dg.DagsterInstance, sandbox: RunningSandbox
) -> None:
    both = {"preset": "casino", "select": ["customers", "transactions"]}
    daemon = Daemon(settings_in(tmp_path, datasets=both), instance)
    deliver(daemon.settings)
    daemon.tick(READY)
    assert questions(sandbox) == 0
    entry = Entry(new_id(), "outbox", "transactions", DAY, 1, 1, "transactions_1.csv", 5, 50, "abc", "run-1")
    ledger = Ledger(ledger_file(daemon.settings.data_dir))
    ledger.plan([entry])
    daemon.tick(READY)
    assert questions(sandbox) == 0
    deliver(daemon.settings, "transactions", version=2)
    assert [each.day for each in waiting_days(daemon.settings, ("customers", "transactions"), READY)] == [DAY]


def test_reports_that_are_delivered_are_nobodys_to_accept(daemon: Daemon, sandbox: RunningSandbox) -> None:
    deliver(daemon.settings, "promo_codes")
    daemon.tick(READY)
    assert questions(sandbox) == 0


def test_an_old_day_delivered_again_is_accepted_with_the_next_daily_process(
    daemon: Daemon, sandbox: RunningSandbox
) -> None:
    old = DAY - timedelta(days=5)
    deliver(daemon.settings, day=old, at=READY + HOUR)
    assert daemon.tick(READY + 2 * HOUR) == "Optimove has accepted every day that is delivered and due"
    next_day = READY + timedelta(days=1)
    assert daemon.tick(next_day).startswith("not accepted yet: 2026-11-15")
    sandbox.set_today(TODAY + timedelta(days=1))
    assert daemon.tick(next_day + 10 * MINUTE) == "accepted: 2026-11-15"


def test_days_that_are_caught_up_are_accepted_together(daemon: Daemon, sandbox: RunningSandbox) -> None:
    before = DAY - timedelta(days=1)
    deliver(daemon.settings, day=before, at=AT_NIGHT)
    deliver(daemon.settings, at=AT_NIGHT)
    deliver(daemon.settings, day=DAY - timedelta(days=30), at=AT_NIGHT)
    assert daemon.tick(READY) == "accepted: 2026-11-19, 2026-11-20"
    assert questions(sandbox) == 1


def test_hours_are_accepted_with_their_business_day(
    tmp_path: Path, instance: dg.DagsterInstance, sandbox: RunningSandbox
) -> None:
    hourly = CUSTOMERS | {"each": {"customers": {"cadence": "hourly"}}}
    settings = settings_in(tmp_path, tenant={"timezone": "America/New_York"}, datasets=hourly)
    for hours in range(24):
        hour = datetime(2026, 11, 20, 5) + hours * HOUR  # noqa: DTZ001 - an hour's partition has no zone
        deliver(settings, day=hour, at=hour.replace(tzinfo=UTC) + HOUR)
        assert (hours == 23) == bool(waiting_days(settings, ("customers",), READY))
    daemon = Daemon(settings, instance)
    assert daemon.tick(READY) == "accepted: 2026-11-20"
    assert daemon.accepted == {DAY: Sign.LAST_DATA_UPDATE}


def test_the_end_of_the_daily_process_accepts_what_was_delivered_before_it(daemon: Daemon) -> None:
    deliver(daemon.settings)
    assert accept_by_event(daemon.settings, READY - MINUTE) == []
    assert accept_by_event(daemon.settings, READY + HOUR) == [DAY]
    assert accept_by_event(daemon.settings, READY + 2 * HOUR) == []
    assert daemon.accepted == {DAY: Sign.DAY_COMPLETED}
    deliver(daemon.settings, version=2, at=READY + 3 * HOUR)
    assert accept_by_event(daemon.settings, READY + 3 * HOUR - MINUTE) == []
    assert accept_by_event(daemon.settings, READY + 4 * HOUR) == [DAY]


def test_the_listener_accepts_days_when_it_hears_that_the_daily_process_has_ended(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    listening = settle(tmp_path, sandbox, datasets=CUSTOMERS, listener={"header": "X-Event-Secret"})
    secret = "a-secret-of-this-test"
    day = datetime.now(UTC).date() - timedelta(days=3)
    settings = settings_in(listening.data)
    deliver(settings, day=day, at=datetime.combine(day + timedelta(days=1), AT_NIGHT.timetz()))
    with begin(listening, "listen", "--port", "0", OPTIMOVE_LISTENER_SECRET=secret) as process:
        try:
            address = process.stdout.readline().split()[4].rstrip(",")
            for event in (13, 2):
                post(address, secret, event)
                assert accepted(ledger_file(listening.data), GROUP) == {}
            post(address, secret, 3)
        finally:
            process.kill()
            process.communicate()
    assert {each: ack.accepted_by for each, ack in accepted(ledger_file(listening.data), GROUP).items()} == {
        day: Sign.DAY_COMPLETED
    }


def post(address: str, secret: str, event: int) -> None:
    """Send an event to a listener."""
    answer = httpx.post(address, json={"EventTypeID": event}, headers={"X-Event-Secret": secret}, trust_env=False)
    assert answer.status_code == 200


def test_it_is_there_only_where_data_sets_are_chosen(tmp_path: Path) -> None:
    def sensors(settings: Settings) -> dict[str, dg.DefaultSensorStatus]:
        return {each.name: each.default_status for each in definitions_of(settings).sensors or []}

    assert sensors(settings_in(tmp_path, reports=ONE_REPORT))["acknowledgements"] is dg.DefaultSensorStatus.RUNNING
    assert "acknowledgements" not in sensors(settings_in(tmp_path, datasets={}, reports=ONE_REPORT))


def test_an_answer_that_is_none_is_named(tmp_path: Path) -> None:
    assert read_last_update(tmp_path) is None
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "heard-data-update.json").write_text("[]")
    with pytest.raises(SettingsError, match=r"heard-data-update\.json is no answer of the API"):
        read_last_update(tmp_path)


def test_what_was_heard_leaves_what_runs_note_of_snapshots_alone(tmp_path: Path) -> None:
    note_update(tmp_path, date(2026, 11, 19))
    write_last_update(tmp_path, LastUpdate(date(2026, 11, 20), datetime(2026, 11, 21, tzinfo=UTC)))
    assert noted_update(tmp_path) == date(2026, 11, 19)
    note_update(tmp_path, date(2026, 11, 20))
    assert read_last_update(tmp_path) is not None
