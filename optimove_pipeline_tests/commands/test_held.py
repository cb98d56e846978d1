"""What is held: days with rows and days without, calls of all runs, answers of those that ended early."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.calls_table import record_calls
from optimove_pipeline.commands.held import Held, read_held
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import BusyError
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.test_calls_table import call

REPORT = BY_NAME["promo_codes"]
DAYS = [date(2025, 6, day) for day in range(1, 6)]
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return parse_settings({}, source="the test", data_dir=tmp_path)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's history with a run that succeeded and one that failed."""
    with dg.DagsterInstance.ephemeral() as instance:
        for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
            instance.add_run(dg.DagsterRun("a job", run_id=status.value, status=status))
        yield instance


def held(settings: Settings, instance: dg.DagsterInstance | None = None) -> Held:
    return read_held(settings, {REPORT: DAYS}, instance)


def fill(settings: Settings, *calls: dict[str, object], days: tuple[date, ...] = ()) -> None:
    with Warehouse(settings.warehouse_path).open("a test") as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS optimove")
        connection.execute("CREATE TABLE optimove.promo_codes (report_date DATE)")
        for day in days:
            connection.execute("INSERT INTO optimove.promo_codes VALUES (?)", [day])
        record_calls(connection, calls)


def answered(run: str, number: int, at: datetime = NOW) -> dict[str, object]:
    return call(f"{run}-{number}", run_id=run, parameters=f"Number={number}", called_at=at.isoformat())


def test_where_nothing_was_pulled_nothing_is_held_and_nothing_begun(settings: Settings) -> None:
    assert held(settings) == Held()
    assert [*settings.data_dir.iterdir()] == []


def test_a_day_is_published_if_its_table_has_rows_of_it(settings: Settings) -> None:
    fill(settings, days=(DAYS[0], DAYS[2], DAYS[2]))
    assert held(settings).published == {"promo_codes": {DAYS[0], DAYS[2]}}


def test_a_day_without_rows_is_published_if_dagster_says_that_there_were_none(settings: Settings) -> None:
    fill(settings, days=(DAYS[0],))
    with dg.DagsterInstance.ephemeral() as instance:
        for day, rows in ((DAYS[1], 7), (DAYS[1], 0), (DAYS[2], 0), (DAYS[2], 7), (DAYS[3], 7)):
            made = dg.AssetMaterialization(
                dg.AssetKey(["published", "promo_codes"]),
                partition=day.isoformat(),
                metadata={"dagster/row_count": rows},
            )
            instance.report_runless_asset_event(made)
        assert held(settings, instance).published == {"promo_codes": {DAYS[0], DAYS[1]}}


def test_calls_still_on_their_way_into_the_warehouse_count(settings: Settings) -> None:
    fill(settings, answered("a run", 1))
    journal = settings.data_dir / "calls" / "left.ndjson"
    journal.parent.mkdir()
    journal.write_text(json.dumps(answered("a run", 2), default=str) + "\n")
    assert [*held(settings).calls.values()] == [2]
    assert held(settings).seconds_of_a_call == pytest.approx(0.00125)


@pytest.mark.parametrize(
    ("runs", "landed"),
    [
        (["FAILURE"], 2),
        (["SUCCESS"], 0),
        (["unknown"], 2),
        (["SUCCESS", "FAILURE"], 2),
        (["FAILURE", "SUCCESS"], 0),
        (["unknown", "FAILURE"], 4),
    ],
)
def test_answers_are_used_again_back_to_the_last_run_that_came_to_its_end(
    settings: Settings, instance: dg.DagsterInstance, runs: list[str], landed: int
) -> None:
    calls = [
        answered(run, 10 * place + number, NOW - timedelta(minutes=len(runs) - place))
        for place, run in enumerate(runs)
        for number in range(2)
    ]
    fill(settings, *calls)
    assert sum(held(settings, instance).landed.values()) == landed


def test_a_call_that_two_such_runs_made_is_one_answer(settings: Settings, instance: dg.DagsterInstance) -> None:
    fill(settings, answered("FAILURE", 1), answered("unknown", 1))
    assert [*held(settings, instance).landed.values()] == [1]


def test_answers_too_old_to_be_used_again_are_not_counted(settings: Settings, instance: dg.DagsterInstance) -> None:
    fill(settings, answered("FAILURE", 1, OLD), answered("FAILURE", 2))
    assert [*held(settings, instance).landed.values()] == [1]


def test_a_warehouse_that_another_process_keeps_is_waited_for_no_longer_than_asked(settings: Settings) -> None:
    fill(settings)
    with Warehouse(settings.warehouse_path).open("a test"), pytest.raises(BusyError, match="for a test"):
        read_held(settings, {REPORT: DAYS}, None, patience=0.1)
