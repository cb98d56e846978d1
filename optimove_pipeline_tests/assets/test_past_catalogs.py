"""Past days of a catalog: left out where a run holds more or they are held, refused where asked for alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.assets.casino import CATALOG, FIRST, casino
from optimove_pipeline_tests.datasets.rows import dataset_named
from optimove_pipeline_tests.end_to_end.place import Place, checks, materialise, materializations

STAGES = ("dataset", "validated", "published", "packaged", "delivered")
NEXT = date(2020, 3, 2)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return casino(tmp_path, missing_files="warn")


def hold(place: Place, day: date) -> None:
    """Let a day of the catalog be read already."""
    with Staging(place.data / "staging").writing("dataset", CATALOG, day) as writer:
        writer.write(pl.DataFrame(schema={column.name: pl.String for column in dataset_named(CATALOG).columns}))
        writer.write(pl.DataFrame({"Game_ID": ["g1"], "Game_Name": ["Mines"]}))
        writer.metadata |= {"window": None, "newest_change": None, "source_rows": 1, "source": "a test"}


def test_a_past_day_is_skipped_in_a_run_of_one_day_with_other_data_sets(place: Place) -> None:
    run = materialise(place, "customers", CATALOG, days=[FIRST], stages=STAGES)
    assert run.success
    assert [*materializations(run, "delivered/customers")] == [FIRST]
    for stage in STAGES:
        complete = checks(run, f"{stage}/{CATALOG}")["complete"]
        assert complete.passed
        assert "can only be had as it is now" in (complete.description or "")


@pytest.mark.parametrize("stages", [STAGES, STAGES[1:]], ids=["from the source", "from staging"])
def test_a_past_day_asked_for_alone_is_refused(place: Place, stages: tuple[str, ...]) -> None:
    run = materialise(place, CATALOG, days=[FIRST], stages=stages)
    assert not run.success
    failure = next(event.step_failure_data for event in run.all_events if event.is_step_failure)
    assert failure.user_failure_data is not None
    assert "can only be had as it is now" in (failure.user_failure_data.description or "")


@pytest.mark.parametrize("last", [FIRST, NEXT], ids=["alone", "in a range"])
def test_a_past_day_that_is_held_goes_through_its_stages_without_being_read_again(place: Place, last: date) -> None:
    hold(place, FIRST)
    run = materialise(place, CATALOG, days=[FIRST, last], stages=STAGES)
    assert run.success
    assert materializations(run, f"dataset/{CATALOG}") == {}
    assert [*materializations(run, f"delivered/{CATALOG}")] == [FIRST]
