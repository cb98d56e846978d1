"""A past day that is made again says where it is not what its own run sent."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from optimove_pipeline_tests.assets.casino import FIRST, casino
from optimove_pipeline_tests.end_to_end.place import Place, checks, materialise, materializations

FILES = {"kind": "files", "location": "drop", "format": "csv"}


def read(place: Place, *days: date) -> tuple[dg.AssetCheckEvaluation, list[bool]]:
    """Read days of customers, and return the check and of each day whether its metadata say that it was rebuilt."""
    run = materialise(place, "customers", days=days, stages=("dataset",))
    assert run.success
    made = materializations(run, "dataset/customers")
    return checks(run, "dataset/customers")["as_it_was"], ["as it was" in made[day].metadata for day in sorted(made)]


def test_past_days_of_a_database_say_that_they_were_rebuilt(tmp_path: Path) -> None:
    check, rebuilt = read(casino(tmp_path), FIRST, FIRST + timedelta(days=1))
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == (
        "2020-03-01, 2020-03-02: rebuilt from the rows as they are now: rows that changed since are in later "
        "partitions alone"
    )
    assert rebuilt == [True, True]


def test_files_of_the_day_are_as_they_were(tmp_path: Path) -> None:
    place = casino(
        tmp_path, select=["customers"], each={"customers": {"source": "drop", "table": "{date:%Y%m%d}.csv"}}
    )
    file = tmp_path / "optimove.yaml"
    file.write_text(file.read_text().replace("sources:", f"sources:\n  drop: {FILES}", 1))
    (place.data / "drop").mkdir(parents=True)
    (place.data / "drop" / "20200301.csv").write_text(
        "Player_ID,Registration_Date,LastUpdated\nC1,2020-01-01,2020-01-02 10:00:00\n"
    )
    check, rebuilt = read(place, FIRST)
    assert (check.passed, rebuilt) == (True, [False])
