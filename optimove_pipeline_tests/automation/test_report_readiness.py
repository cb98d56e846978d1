"""The sensor as the daemon evaluates it: on the real API, with Dagster's record of what is published."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.automation.report_readiness import held_by, report_readiness
from optimove_pipeline.automation.requests import pending
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.commands.listen import register
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.event_note import read_note
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.end_to_end.place import Place, begin

DAY = date(2026, 11, 20)
TODAY = DAY + timedelta(days=1)
NOON = datetime(2026, 11, 21, 9, tzinfo=UTC)
REPORTS = ("target_groups_by_date", "executed_campaigns_by_channel", "execution_channels")


def settings_in(folder: Path | str, **sections: Any) -> Settings:
    document = {
        "budget": {"windows": [{"calls": 100_000, "seconds": 10}]},
        "reports": {"select": [*REPORTS], "each": {REPORTS[0]: {"look_back": 2}}},
        **sections,
    }
    return parse_settings(document, source="a test", data_dir=Path(folder))


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
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(instance: dg.DagsterInstance, settings: Settings, now: datetime = NOON) -> str:
    with dg.build_sensor_context(instance) as context:
        data = report_readiness(settings, lambda: now).evaluate_tick(context)
    assert not data.run_requests
    return str(data.skip_message)


def publish(instance: dg.DagsterInstance, *days: date) -> None:
    for name in REPORTS:
        for day in days:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(dg.AssetKey(["published", name]), partition=day.isoformat())
            )


def keys(settings: Settings) -> list[str]:
    return [request.key for request in pending(settings.data_dir)]


def recorded(settings: Settings) -> list[dict[str, Any]]:
    lines = "".join(file.read_text() for file in (settings.data_dir / "calls").glob("*.ndjson")).splitlines()
    return [json.loads(line) for line in lines]


def test_a_day_that_the_api_has_is_requested(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    assert tick(instance, settings) == "2026-11-20 is there; requested: 3 reports of 2026-11-20"
    assert "2026-11-21 is looked for from 2026-11-22 06:00 UTC on" in tick(instance, settings)
    assert keys(settings) == ["daily/2026-11-20"]
    assert sandbox.stats()["by_function"] == {"general/GetLastDataUpdate": 1}


def test_a_day_that_comes_later_is_requested_then(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    sandbox.set_today(DAY)
    assert tick(instance, settings) == "2026-11-20 is not there yet: the tenant's data reach to 2026-11-19"
    sandbox.set_today(TODAY)
    assert tick(instance, settings, NOON + timedelta(minutes=10)).startswith("2026-11-20 is there")


def test_the_question_is_counted_and_recorded_as_a_call(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    tick(instance, settings)
    assert [(row["function"], row["run_id"]) for row in recorded(settings)] == [
        ("general/GetLastDataUpdate", "report_readiness")
    ]
    assert sandbox.stats()["total"] == 1


def test_what_dagster_has_published_is_not_requested_and_what_changes_is_read_again(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    publish(instance, *(DAY - timedelta(days=back) for back in range(1, 5)))
    tick(instance, settings)
    assert keys(settings) == ["daily/2026-11-20", "look-back/2026-11-20/2026-11-18/2026-11-19"]
    publish(instance, DAY)
    again = settings_in(tmp_path / "other")
    assert tick(instance, again) == "2026-11-20 is published already"
    assert keys(again) == []


def test_it_knows_what_staging_holds(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Staging(settings.data_dir / "staging").writing("report", REPORTS[0], DAY):
        pass
    held = held_by(instance, settings)
    assert held.staged(REPORTS[0], DAY)
    assert not held.staged(REPORTS[0], TODAY)
    assert not held.staged(REPORTS[1], DAY)


@pytest.mark.parametrize("fault", ["http_500", "unauthorized", "cut_connection", "html_page"])
def test_a_failing_api_is_the_reason_that_a_tick_gives(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path, fault: str
) -> None:
    sandbox.faults(Fault(fault))
    settings = settings_in(tmp_path)
    assert "the API gives no answer: general/GetLastDataUpdate" in tick(instance, settings)
    assert sandbox.stats()["total"] <= 2
    sandbox.faults()
    assert "asked again at 2026-11-21 09:10:00 UTC" in tick(instance, settings, NOON + timedelta(minutes=9))
    assert tick(instance, settings, NOON + timedelta(minutes=10)).startswith("2026-11-20 is there")


def test_a_key_that_may_not_ask_still_gets_the_day(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.faults(Fault("forbidden", "GetLastDataUpdate"))
    settings = settings_in(tmp_path)
    assert tick(instance, settings) == "2026-11-20 is there; requested: 2 reports of 2026-11-20"


def test_a_missing_key_is_told_and_does_not_end_the_sensor(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTIMOVE_API_KEY")
    assert "OPTIMOVE_API_KEY is not set" in tick(instance, settings_in(tmp_path))


def test_an_event_of_optimove_brings_a_day_before_its_readiness_time(
    instance: dg.DagsterInstance, sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMOVE_LISTENER_SECRET", "a-secret-of-this-test")
    place = Place(tmp_path, {**os.environ, "OPTIMOVE_DATA_DIR": str(tmp_path)})
    with begin(place, "listen", "--port", "0") as process:
        address = process.stdout.readline().split()[4].rstrip(",")
        register(settings_in(tmp_path), address, [3], lambda _: True, lambda _: None)
        assert sandbox.send_event(3) == [200]
        process.kill()
        process.communicate()
    note = read_note(tmp_path)
    assert note is not None
    yesterday = note.heard_at.date() - timedelta(days=1)
    sandbox.set_today(note.heard_at.date())
    settings = settings_in(tmp_path, readiness={"time": "23:59"}, tenant={"start_date": yesterday})
    tick(instance, settings, note.heard_at + timedelta(seconds=30))
    assert keys(settings) == [f"daily/{yesterday}"]


def test_it_runs_by_itself_and_asks_nothing_while_it_is_loaded(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sensors = definitions_of(settings_in(tmp_path)).get_repository_def().sensor_defs
    (sensor,) = (sensor for sensor in sensors if sensor.name == "report_readiness")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
    assert sandbox.stats()["total"] == 0


def test_a_tick_with_nothing_to_do_costs_next_to_nothing(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    tick(instance, settings)
    sensor = report_readiness(settings, lambda: NOON)
    with dg.build_sensor_context(instance) as context:
        begun = time.process_time()
        for _ in range(100):
            sensor.evaluate_tick(context)
    assert time.process_time() - begun < 2.0
