"""Each day is judged once it is due, what is late is told once, and what arrives later turns green."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from optimove_pipeline.alerts.alert import AlertKind
from optimove_pipeline.alerts.outbox import outbox_file
from optimove_pipeline.assets.due_check import DUE
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.automation.late_days import late_days
from optimove_pipeline.config import parse_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline_tests.automation.ticks import Ticking, alerts

DAY = date(2025, 6, 20)
DUE_AT = datetime(2025, 6, 21, 10, tzinfo=UTC)
REPORTS = ("promo_codes", "all_actions")
MINUTE = timedelta(minutes=1)


class Clock:
    """The time as the sensor reads it."""

    def __init__(self) -> None:
        self.now = DUE_AT - MINUTE

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def daemon(tmp_path: Path, instance: dg.DagsterInstance, clock: Clock) -> Ticking:
    """The sensor after a first tick, a minute before the day is due."""
    document = {"reports": {"select": [*REPORTS]}, "alerts": {"ui_url": "https://dagster.example.com"}}
    settings = parse_settings(document, source="a test", data_dir=tmp_path)
    ticking = Ticking(late_days(settings, clock), instance)
    publish(instance, *REPORTS, day=DAY - timedelta(days=1))
    ticking.tick()
    return ticking


def publish(instance: dg.DagsterInstance, *reports: str, day: date = DAY) -> None:
    for report in reports:
        made = dg.AssetMaterialization(key("published", report), partition=day.isoformat())
        instance.report_runless_asset_event(made)


def tick(daemon: Ticking) -> dict[str, bool]:
    """Tick, and return what the daemon is given to record: report and whether its day is there."""
    events: Sequence[object] = daemon.tick().asset_events
    evaluations = [event for event in events if isinstance(event, AssetCheckEvaluation)]
    assert len(evaluations) == len(events)
    assert all(each.check_name == DUE for each in evaluations)
    assert all(each.severity is dg.AssetCheckSeverity.ERROR for each in evaluations)
    return {each.asset_key.path[1]: each.passed for each in evaluations}


def test_a_day_is_judged_once_when_it_becomes_due(
    daemon: Ticking, instance: dg.DagsterInstance, clock: Clock, tmp_path: Path
) -> None:
    publish(instance, *REPORTS)
    assert tick(daemon) == {}
    clock.now = DUE_AT
    assert tick(daemon) == {"promo_codes": True, "all_actions": True}
    clock.now += 5 * MINUTE
    assert tick(daemon) == {}
    assert alerts(tmp_path) == []


def test_a_late_day_is_told_once_with_all_late_reports_in_one_text(
    daemon: Ticking, instance: dg.DagsterInstance, clock: Clock, tmp_path: Path
) -> None:
    clock.now = DUE_AT
    assert tick(daemon) == {"promo_codes": False, "all_actions": False}
    clock.now += 5 * MINUTE
    assert tick(daemon) == {}
    (alert,) = alerts(tmp_path)
    assert (alert.kind, alert.key) == (AlertKind.LATE, "not-published/2025-06-20")
    assert alert.title == "2025-06-20 is late: all_actions, promo_codes not published"
    assert alert.text.splitlines() == [
        "2025-06-20 is not published of 2 of 2 reports, and was due by 2025-06-21 10:00 UTC: all_actions, "
        "promo_codes.",
        "Look at their runs in Dagster's UI for what holds them up, or pull the day: `optimove-pipeline run --from "
        "2025-06-20 --to 2025-06-20`. Their check `due` turns green when it is there.",
        "https://dagster.example.com/assets",
    ]


def test_what_arrives_after_it_was_late_turns_green_and_a_backfill_of_old_days_does_not(
    daemon: Ticking, instance: dg.DagsterInstance, clock: Clock
) -> None:
    clock.now = DUE_AT
    tick(daemon)
    publish(instance, *REPORTS, day=DAY - timedelta(days=30))
    assert tick(daemon) == {}
    publish(instance, "all_actions")
    assert tick(daemon) == {"all_actions": True}
    assert tick(daemon) == {}
    publish(instance, "promo_codes")
    assert tick(daemon) == {"promo_codes": True}
    assert daemon.tick().skip_message == "2025-06-20: nothing is late"


def test_the_next_late_day_is_told_too(daemon: Ticking, clock: Clock, tmp_path: Path) -> None:
    for days in range(2):
        clock.now = DUE_AT + timedelta(days=days)
        assert tick(daemon) == {"promo_codes": False, "all_actions": False}
    assert [alert.key for alert in alerts(tmp_path)] == ["not-published/2025-06-20", "not-published/2025-06-21"]


def test_a_daemon_that_dies_within_a_tick_judges_again_and_tells_once(
    daemon: Ticking, clock: Clock, tmp_path: Path
) -> None:
    clock.now = DUE_AT
    daemon.tick_and_die()
    assert tick(daemon) == {"promo_codes": False, "all_actions": False}
    assert len(alerts(tmp_path)) == 1


def test_a_daemon_that_was_off_at_the_deadline_judges_when_it_is_back(
    daemon: Ticking, clock: Clock, tmp_path: Path
) -> None:
    clock.now = DUE_AT + timedelta(hours=9)
    assert tick(daemon) == {"promo_codes": False, "all_actions": False}
    assert [alert.key for alert in alerts(tmp_path)] == ["not-published/2025-06-20"]


def test_an_outbox_that_cannot_be_written_delays_the_alert_but_does_not_lose_it(
    daemon: Ticking, clock: Clock, tmp_path: Path
) -> None:
    clock.now = DUE_AT
    outbox_file(tmp_path).mkdir(parents=True)
    with pytest.raises(SettingsError, match="alerts file"):
        daemon.tick()
    outbox_file(tmp_path).rmdir()
    tick(daemon)
    assert len(alerts(tmp_path)) == 1


def test_a_daemon_that_starts_late_in_the_day_begins_with_the_next(
    instance: dg.DagsterInstance, clock: Clock, tmp_path: Path
) -> None:
    clock.now = DUE_AT + MINUTE
    settings = parse_settings({"reports": {"select": ["promo_codes"]}}, source="a test", data_dir=tmp_path)
    daemon = Ticking(late_days(settings, clock), instance)
    assert tick(daemon) == {}
    assert tick(daemon) == {}
    assert alerts(tmp_path) == []
    clock.now += timedelta(days=1)
    assert tick(daemon) == {"promo_codes": False}
