"""The three ways to know that a source has a day whole, on a real database and real files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from optimove_pipeline.automation.completeness import by_last_updated, by_marker, by_query
from optimove_pipeline.errors import SettingsError

DAY = date(2026, 11, 20)
LONDON = ZoneInfo("Europe/London")
NEWEST = "SELECT max(LastUpdated) FROM changes"


class Database:
    """A DuckDB file that is opened for each question."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.file)) as connection:
            yield connection

    def execute(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "source.duckdb")


def test_a_query_tells_whether_its_day_is_complete(database: Database) -> None:
    database.execute("CREATE TABLE loads (day DATE, done BOOLEAN)")
    is_complete = by_query(database.connect, "SELECT done FROM loads WHERE day = ?")
    assert is_complete(DAY).complete is False
    for value, complete in (("NULL", False), ("false", False), ("true", True)):
        database.execute("DELETE FROM loads", f"INSERT INTO loads VALUES ('2026-11-20', {value})")
        assert is_complete(DAY).complete is complete
    assert not is_complete(DAY + timedelta(days=1)).complete
    assert is_complete(DAY).reason == "the query for 2026-11-20 gives True"


def test_a_query_may_compare_counts(database: Database) -> None:
    database.execute("CREATE TABLE sales (day DATE)", "INSERT INTO sales VALUES ('2026-11-20')")
    is_complete = by_query(database.connect, "SELECT count(*) FROM sales WHERE day = ?")
    assert is_complete(DAY).complete
    assert not is_complete(DAY - timedelta(days=1)).complete


def test_a_marker_file_tells_that_its_day_is_complete(tmp_path: Path) -> None:
    is_complete = by_marker(f"{tmp_path}/{{date:%Y}}/{{date:%m%d}}/*.done")
    assert not is_complete(DAY).complete
    folder = tmp_path / "2026" / "1120"
    folder.mkdir(parents=True)
    (folder / "customers.csv").touch()
    assert is_complete(DAY).reason == f"{folder}/*.done is not there"
    (folder / "all.done").touch()
    assert is_complete(DAY).complete
    assert not is_complete(DAY + timedelta(days=1)).complete


def test_a_marker_may_be_a_relative_path_without_a_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "done-2026-11-20").touch()
    assert by_marker("done-{date}")(DAY).complete


@pytest.mark.parametrize("template", ["/drop/done", "/drop/{day}", "/drop/{0}", "/drop/{date"])
def test_a_marker_that_does_not_depend_on_the_day_is_refused(template: str) -> None:
    with pytest.raises(SettingsError, match="marker file"):
        by_marker(template)


@pytest.mark.parametrize(
    ("zone", "newest", "complete"),
    [
        ("UTC", "TIMESTAMP '2026-11-21 01:59:59'", False),
        ("UTC", "TIMESTAMP '2026-11-21 02:00:00'", True),
        ("America/New_York", "TIMESTAMP '2026-11-21 06:59:59'", False),
        ("America/New_York", "TIMESTAMP '2026-11-21 07:00:00'", True),
        ("UTC", "TIMESTAMPTZ '2026-11-21 04:00:00+02'", True),
        ("UTC", "TIMESTAMPTZ '2026-11-21 03:00:00+02'", False),
    ],
)
def test_a_day_is_complete_when_changes_well_after_its_end_are_known(
    database: Database, zone: str, newest: str, complete: bool
) -> None:
    database.execute(f"CREATE TABLE changes AS SELECT {newest} AS LastUpdated")
    is_complete = by_last_updated(database.connect, NEWEST, ZoneInfo(zone), timedelta(hours=2))
    assert is_complete(DAY).complete is complete


def test_the_day_of_a_clock_change_ends_when_it_ends(database: Database) -> None:
    last_of_summer = date(2026, 10, 24)
    database.execute("CREATE TABLE changes AS SELECT TIMESTAMP '2026-10-24 23:00:00' AS LastUpdated")
    is_complete = by_last_updated(database.connect, NEWEST, LONDON, timedelta())
    assert is_complete(last_of_summer).complete
    assert not is_complete(last_of_summer + timedelta(days=1)).complete


def test_without_any_change_no_day_is_complete(database: Database) -> None:
    database.execute("CREATE TABLE changes (LastUpdated TIMESTAMP)")
    answer = by_last_updated(database.connect, NEWEST, LONDON, timedelta())(DAY)
    assert (answer.complete, answer.reason) == (False, "no change is known yet")


def test_a_newest_change_that_is_no_time_is_refused(database: Database) -> None:
    database.execute("CREATE TABLE changes AS SELECT '2026-11-21' AS LastUpdated")
    with pytest.raises(SettingsError, match="expected a date and time, got str"):
        by_last_updated(database.connect, NEWEST, LONDON, timedelta())(DAY)


def test_the_newest_change_is_told(database: Database) -> None:
    newest = datetime(2026, 11, 21, 1, 30)  # noqa: DTZ001 - as a source without zones has it
    database.execute(f"CREATE TABLE changes AS SELECT TIMESTAMP '{newest}' AS LastUpdated")
    answer = by_last_updated(database.connect, NEWEST, LONDON, timedelta(hours=2))(DAY)
    assert answer.reason == "the newest change is of 2026-11-21 01:30:00 UTC, 2026-11-21 02:00:00 UTC is needed"
