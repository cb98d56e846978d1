"""Partitions of data sets out of their sources."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest

from optimove_pipeline.datasets.dataset import Content, ContractColumn, Dataset, Load
from optimove_pipeline.datasets.extraction import STAGE, Extracted, extract_dataset
from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import Selection, Snapshot
from optimove_pipeline.datasets.windows import months, newest_closed, window_of
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.packages import Window
from optimove_pipeline.partition_keys import Month, partition_of
from optimove_pipeline.settings.datasets import Datasets, DatasetSettings
from optimove_pipeline.settings.sources import AnySource, DuckDbSettings, FilesSettings
from optimove_pipeline.staging import Partition, Staging
from optimove_pipeline_tests.children import child, line

DAY = date(2026, 11, 20)
LONDON, UTC_ZONE = ZoneInfo("Europe/London"), ZoneInfo("UTC")
COMPANY = DuckDbSettings(kind="duckdb", path=Path("company.duckdb"))
CUSTOMERS = Dataset(
    name="customers",
    title="Customers",
    columns=(
        ContractColumn("Player_ID", Kind.TEXT, "x", required=True),
        ContractColumn("Gender", Kind.TEXT, "x"),
        ContractColumn("Joined", Kind.TIME, "x"),
        ContractColumn("Score", Kind.INTEGER, "x"),
        ContractColumn("LastUpdated", Kind.TIME, "x", required=True),
    ),
    key=("Player_ID",),
    table="Customers",
    content=Content.PROFILE,
)
CATALOG = replace(CUSTOMERS, load=Load.SNAPSHOT)


@dataclass(frozen=True, slots=True)
class Company:
    """A company's DuckDB file, and what is made of it."""

    folder: Path
    staging: Staging

    def run(self, *statements: str) -> None:
        with duckdb.connect(self.folder / "company.duckdb") as connection:
            for statement in statements:
                connection.execute(statement)

    def extract(
        self,
        own: dict[str, Any],
        *,
        dataset: Dataset = CUSTOMERS,
        partition: date = DAY,
        zone: ZoneInfo = UTC_ZONE,
        source: AnySource = COMPANY,
        settings: Datasets | None = None,
    ) -> Extracted:
        window = window_of(settings or Datasets(overlap_hours=0), dataset, partition, zone)
        chosen = DatasetSettings.model_validate({"table": "players", **own})
        with open_source("company", source, self.folder) as snapshot:
            return extract_dataset(dataset, chosen, snapshot, partition, window, self.staging, zone=zone)

    def partition(self, partition: date = DAY) -> Partition:
        return self.staging.open(STAGE, "customers", partition)

    def rows(self, partition: date = DAY) -> list[dict[str, Any]]:
        return [row for file in self.partition(partition).files for row in pl.read_parquet(file).to_dicts()]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows()]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path, Staging(tmp_path / "staging"))


def players(
    company: Company, values: str, columns: str = "Player_ID text, Gender text, LastUpdated timestamp"
) -> None:
    company.run(f"CREATE TABLE players ({columns})", f"INSERT INTO players VALUES {values}")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_partition_has_the_contracts_columns_in_their_order(company: Company) -> None:
    players(company, "('F', '2026-11-20 10:00:00', 7)", "sex text, updated timestamp, id int")
    mapped = {"Gender": "sex", "Player_ID": {"column": "ID"}, "LastUpdated": "updated"}
    extracted = company.extract({"columns": mapped})
    assert company.rows() == [
        {
            "Player_ID": 7,
            "Gender": "F",
            "Joined": None,
            "Score": None,
            "LastUpdated": moment("2026-11-20 10:00:00"),
        }
    ]
    assert extracted.missing_columns == ("Joined", "Score")
    assert (extracted.rows, extracted.source_rows) == (1, 1)
    assert extracted.newest_change == moment("2026-11-20 10:00:00")


def test_the_metadata_tell_the_window_the_newest_change_and_the_rows_of_the_source(company: Company) -> None:
    players(company, "(1, 'F', '2026-11-20 10:00:00'), (2, 'F', '2026-11-20 09:00:00')")
    company.extract({}, zone=LONDON)
    assert company.partition().metadata == {
        "window": ["2026-11-20T00:00:00+00:00", "2026-11-21T00:00:00+00:00"],
        "newest_change": "2026-11-20T10:00:00",
        "source_rows": 2,
        "source": f"source company (duckdb, {company.folder / 'company.duckdb'})",
    }


def test_constants_and_values_take_the_place_of_what_the_source_has(company: Company) -> None:
    players(company, "(1, 'f', '2026-11-20'), (2, 'x', '2026-11-20'), (3, NULL, '2026-11-20')")
    company.extract(
        {"columns": {"Gender": {"column": "Gender", "values": {"f": "Female"}}, "Score": {"constant": 5}}}
    )
    assert company.column("Gender") == ["Female", "x", None]
    assert company.column("Score") == [5, 5, 5]


def test_values_of_flags_and_numbers_are_mapped_by_their_text(company: Company) -> None:
    players(
        company,
        "(1, true, '2026-11-20'), (2, false, '2026-11-20')",
        "Player_ID int, g boolean, LastUpdated timestamp",
    )
    company.extract({"columns": {"Gender": {"column": "g", "values": {"true": "Male", "false": "Female"}}}})
    assert company.column("Gender") == ["Male", "Female"]


def test_text_of_a_pattern_becomes_text_of_the_batch_form_and_other_text_stays(company: Company) -> None:
    columns = "Player_ID int, Joined text, LastUpdated timestamp"
    players(
        company, "(1, '20/11/2026 12:30', '2026-11-20'), (2, 'soon', '2026-11-20'), (3, NULL, '2026-11-20')", columns
    )
    company.extract({"columns": {"Joined": {"column": "Joined", "format": "%d/%m/%Y %H:%M"}}})
    assert company.column("Joined") == ["2026-11-20 12:30:00.000000", "soon", None]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%d.%m.%Y", "20.11.2026", "2026-11-20"),
        ("%Y-%m-%dT%H:%M:%SZ", "2026-07-01T10:00:00Z", "2026-07-01 10:00:00.000000"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-07-01T10:00:00+02:00", "2026-07-01 08:00:00.000000"),
        ("%Y-%m-%dT%H:%M:%S%.f", "2026-07-01T10:00:00.25", "2026-07-01 10:00:00.250000"),
    ],
)
def test_patterns_of_dates_times_and_zones_are_read(company: Company, pattern: str, text: str, expected: str) -> None:
    players(company, f"(1, '{text}', '2026-11-20')", "Player_ID int, Joined text, LastUpdated timestamp")
    company.extract({"columns": {"Joined": {"column": "Joined", "format": pattern}}})
    assert company.column("Joined") == [expected]


@pytest.mark.parametrize(
    ("there", "utc"),
    [
        ("2026-07-01 10:00:00", "2026-07-01 09:00:00"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        # The clocks pass it twice, and leave it out.
        ("2026-10-25 01:30:00", "2026-10-25 00:30:00"),
        ("2026-03-29 01:30:00", "2026-03-29 01:30:00"),
    ],
)
def test_times_of_a_zone_become_naive_times_of_utc(company: Company, there: str, utc: str) -> None:
    players(company, f"(1, '{there}', '2026-11-20')", "Player_ID int, Joined timestamp, LastUpdated timestamp")
    company.extract({"columns": {"Joined": {"column": "Joined", "timezone": "Europe/London"}}})
    assert company.column("Joined") == [moment(utc)]


def test_times_with_a_zone_become_naive_times_of_utc(company: Company) -> None:
    players(company, "(1, '2026-11-20 02:00:00+02')", "Player_ID int, LastUpdated timestamptz")
    extracted = company.extract({})
    assert company.column("LastUpdated") == [moment("2026-11-20 00:00:00")]
    assert extracted.newest_change == moment("2026-11-20 00:00:00")


def test_the_window_counts_in_the_zone_of_the_change_column(company: Company) -> None:
    players(company, "(1, '2026-07-01 00:30:00'), (2, '2026-07-02 00:30:00')", "Player_ID int, LastUpdated timestamp")
    columns = {"LastUpdated": {"column": "LastUpdated", "timezone": "Europe/London"}}
    company.extract({"columns": columns}, partition=date(2026, 7, 1), zone=LONDON)
    assert [row["Player_ID"] for row in company.rows(date(2026, 7, 1))] == [1]
    assert [row["LastUpdated"] for row in company.rows(date(2026, 7, 1))] == [moment("2026-06-30 23:30:00")]


@pytest.mark.parametrize(
    ("kind", "first", "last", "after", "pattern"),
    [
        ("timestamp", "2026-11-20", "2026-11-20 23:59:59.9", "2026-11-21", None),
        ("timestamptz", "2026-11-20 00:00:00+00", "2026-11-20 23:59:59+00", "2026-11-21 00:00:00+00", None),
        ("date", "2026-11-20", "2026-11-20", "2026-11-21", None),
        ("text", "2026-11-20 00:00:00", "2026-11-20 23:59:59", "2026-11-21 00:00:00", None),
        ("text", "2026-11-20T00:00:00Z", "2026-11-20T23:59:59.9Z", "2026-11-21T00:00:00Z", "%Y-%m-%dT%H:%M:%SZ"),
        ("text", "2026/11/20", "2026/11/20", "2026/11/21", "%Y/%m/%d"),
    ],
)
def test_a_window_holds_its_first_moment_and_not_its_end(
    company: Company, kind: str, first: str, last: str, after: str, pattern: str | None
) -> None:
    values = f"(1, '{first}'), (2, '{last}'), (3, '{after}')"
    players(company, values, f"Player_ID int, LastUpdated {kind}")
    how = {"column": "LastUpdated"} | ({"format": pattern} if pattern else {})
    company.extract({"columns": {"LastUpdated": how}})
    assert [row["Player_ID"] for row in company.rows()] == [1, 2]


def test_a_partition_reads_the_overlap_before_it(company: Company) -> None:
    players(company, "(1, '', '2026-11-18 23:00:00'), (2, '', '2026-11-19 01:00:00'), (3, '', '2026-11-20 01:00:00')")
    company.extract({}, settings=Datasets(overlap_hours=24))
    assert company.column("Player_ID") == ["2", "3"]


def test_a_change_column_of_its_own_is_the_one_read_by(company: Company) -> None:
    columns = "Player_ID int, LastUpdated timestamp, synced timestamp"
    players(company, "(1, '2020-01-01', '2026-11-20'), (2, '2026-11-20', '2020-01-01')", columns)
    company.extract({"change_column": "synced", "columns": {"LastUpdated": "LastUpdated"}})
    assert company.column("Player_ID") == [1]


def test_a_change_column_of_another_name_fills_the_contracts(company: Company) -> None:
    players(company, "(1, '2026-11-20 10:00:00')", "Player_ID int, updated_at timestamp")
    company.extract({"change_column": "updated_at"})
    assert company.column("LastUpdated") == [moment("2026-11-20 10:00:00")]


def test_rows_without_a_moment_of_change_are_counted_and_told(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    players(company, "(1, '', NULL), (2, '', '2026-11-20')")
    with caplog.at_level(logging.WARNING):
        assert company.extract({}).without_change == 1
    assert "1 rows of source company" in caplog.text


def test_an_hour_is_read_as_a_partition_of_its_own(company: Company) -> None:
    hour = partition_of("2026-11-20T14")
    players(company, "(1, '', '2026-11-20 13:59:59'), (2, '', '2026-11-20 14:00:00'), (3, '', '2026-11-20 15:00:00')")
    company.extract({}, partition=hour)
    assert [row["Player_ID"] for row in company.rows(hour)] == ["2"]


def test_an_empty_partition_has_its_columns(company: Company) -> None:
    players(company, "(1, '', '2020-01-01')")
    extracted = company.extract({})
    assert (extracted.rows, extracted.newest_change) == (0, None)
    assert list(company.partition().columns) == ["Player_ID", "Gender", "Joined", "Score", "LastUpdated"]


def test_the_same_rows_give_the_same_partition_whenever_it_is_made(company: Company) -> None:
    players(company, ", ".join(f"({7919 * each % 500}, '', '2026-11-20 10:00:00')" for each in range(500)))
    company.extract({})
    first = company.rows()
    company.run("CREATE TABLE again AS SELECT * FROM players ORDER BY random()")
    company.extract({"table": "again"})
    assert company.rows() == first


def test_a_missing_required_column_is_named_with_what_is_there(company: Company) -> None:
    players(company, "(1, '2026-11-20')", "number int, LastUpdated timestamp")
    told = (
        r"customers: Player_ID: source company .*: players has no column 'Player_ID'; "
        r"there are number, LastUpdated\. Map it by datasets\.each\.customers\.columns\.Player_ID"
    )
    with pytest.raises(SettingsError, match=told):
        company.extract({})


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"columns": {"Gendre": "g"}}, "customers has no such column; did you mean Gender?"),
        ({"columns": {"Gender": "sex"}}, "has no column 'sex'"),
        ({"change_column": "changed"}, "LastUpdated: .* players has no column 'changed'; there are"),
        ({"columns": {"Score": {"column": "LastUpdated", "format": "%Y"}}}, "format: it is for text, but"),
        ({"columns": {"Score": {"column": "Gender", "timezone": "UTC"}}}, "timezone: it is for times without a zone"),
        ({"table": "nobody"}, "nobody does not exist"),
        ({"columns": {"LastUpdated": {"column": "Gender", "format": "%d/%m/%Y"}}}, "does not sort by time"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(company: Company, own: dict[str, Any], told: str) -> None:
    players(company, "(1, 'F', '2026-11-20')")
    with pytest.raises(SettingsError, match=told):
        company.extract(own)
    assert company.staging.find(STAGE, "customers", DAY) is None


def test_a_data_set_of_changes_needs_a_moment_of_change(company: Company) -> None:
    players(company, "(1)", "Player_ID int")
    without = replace(CUSTOMERS, columns=CUSTOMERS.columns[:1], change_column=None)
    with pytest.raises(
        SettingsError, match=r"no moment of change to read by: give .*change_column, or load: snapshot"
    ):
        company.extract({}, dataset=without)


def test_a_snapshot_is_made_of_the_newest_closed_day_alone(company: Company) -> None:
    players(company, "(1, '', '2001-01-01')")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    company.extract({}, dataset=CATALOG, partition=yesterday)
    assert [row["Player_ID"] for row in company.rows(yesterday)] == ["1"]
    with pytest.raises(PartitionError, match="customers of 2026-11-18 can't be had any more"):
        company.extract({}, dataset=CATALOG, partition=date(2026, 11, 18))


@pytest.mark.parametrize("dataset", [CATALOG, CUSTOMERS])
def test_a_day_that_has_not_ended_is_not_made(company: Company, dataset: Dataset) -> None:
    players(company, "(1, '', '2026-11-20')")
    today = datetime.now(UTC).date() + timedelta(days=1)
    with pytest.raises(PartitionError, match="has not ended yet"):
        company.extract({}, dataset=dataset, partition=today)


def test_an_old_day_of_files_by_day_can_still_be_made(company: Company) -> None:
    for day in (1, 2):
        (company.folder / f"2020010{day}.csv").write_text(f"Player_ID,LastUpdated\n{day},2020-01-0{day} 10:00:00\n")
    files = FilesSettings(kind="files", location=".", format="csv")
    own = {"table": "{date:%Y%m%d}.csv"}
    for dataset in (CATALOG, CUSTOMERS):
        company.extract(own, dataset=dataset, source=files, partition=date(2020, 1, 2))
        assert [row["Player_ID"] for row in company.rows(date(2020, 1, 2))] == ["2"]
    with pytest.raises(PartitionError, match=r"no file is named 20200103\.csv: has it arrived\?"):
        company.extract(own, source=files, partition=date(2020, 1, 3))


def month_of_files(company: Company, pattern: str, zone: ZoneInfo = UTC_ZONE, **own: Any) -> list[Any]:
    """Return the ids extracted of the first three days of 2020, the begun month of a history."""
    (window,) = months(0, date(2020, 1, 4), zone)
    chosen = DatasetSettings.model_validate({"table": pattern, **own})
    files, month = FilesSettings(kind="files", location=".", format="csv"), Month(2020, 1, 1)
    with open_source("company", files, company.folder) as snapshot:
        extract_dataset(CUSTOMERS, chosen, snapshot, month, window, company.staging, zone=zone)
    return sorted(row["Player_ID"] for row in company.rows(month))


def test_a_month_of_history_has_the_rows_of_the_files_of_all_its_days(company: Company) -> None:
    for day in (1, 2, 3, 4):
        gender, value = (",Gender", ",F") if day > 1 else ("", "")
        text = f"Player_ID,LastUpdated{gender}\n{day},2020-01-0{day} 10:00:00{value}\n"
        (company.folder / f"2020010{day}.csv").write_text(text)
    for zone in (UTC_ZONE, LONDON, ZoneInfo("America/New_York")):
        assert month_of_files(company, "{date:%Y%m%d}.csv", zone) == ["1", "2", "3"]
    (company.folder / "20200102.csv").unlink()
    with pytest.raises(PartitionError, match=r"no file is named 20200102\.csv: has it arrived\?"):
        month_of_files(company, "{date:%Y%m%d}.csv")


def test_a_month_of_history_reads_a_file_of_the_month_once(company: Company) -> None:
    (company.folder / "202001.csv").write_text("Player_ID,LastUpdated\n1,2020-01-01 10:00:00\n")
    assert month_of_files(company, "{date:%Y%m}.csv") == ["1"]


def test_a_month_of_history_has_the_files_of_all_hours_of_a_data_set_by_the_hour(company: Company) -> None:
    for hour in range(72):
        name = f"{hour // 24 + 1:02}-{hour % 24:02}.csv"
        (company.folder / name).write_text(f"Player_ID,LastUpdated\n{hour},2020-01-01\n")
    found = month_of_files(company, "{date:%d-%H}.csv", cadence="hourly")
    assert found == sorted(map(str, range(72)))


def test_rows_that_the_source_counts_and_does_not_give_leave_no_partition(company: Company) -> None:
    players(company, "(1, '', '2026-11-20'), (2, '', '2026-11-20')")
    window = window_of(Datasets(), CUSTOMERS, DAY, UTC_ZONE)
    own = DatasetSettings(table="players")
    with _loses_a_row(company) as snapshot, pytest.raises(PartitionError, match="counted 2 rows and gave 1"):
        extract_dataset(CUSTOMERS, own, snapshot, DAY, window, company.staging, zone=UTC_ZONE)
    assert company.staging.find(STAGE, "customers", DAY) is None


@contextmanager
def _loses_a_row(company: Company) -> Iterator[Snapshot]:
    """A snapshot of a source that has none, as of tables without transactions."""
    with open_source("company", COMPANY, company.folder) as snapshot:

        class Losing:
            place, taken_at = snapshot.place, snapshot.taken_at
            keeps_days, columns, first_value = snapshot.keeps_days, snapshot.columns, snapshot.first_value
            count = snapshot.count

            def read(self, selection: Selection) -> Iterator[pl.DataFrame]:
                for frame in snapshot.read(selection):
                    yield frame.tail(-1)

        yield Losing()


KILLED = """
import sys
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo
from optimove_pipeline.datasets.extraction import extract_dataset
from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.windows import window_of
from optimove_pipeline.settings.datasets import Datasets, DatasetSettings
from optimove_pipeline.staging import PartWriter, Staging
from optimove_pipeline_tests.datasets.test_extraction import COMPANY, CUSTOMERS

folder, write = Path(sys.argv[1]), PartWriter.write

def told(self, frame):
    write(self, frame)
    if frame.height:
        print("writing", flush=True)
        sys.stdin.read()

PartWriter.write = told
day, zone = date(2026, 11, 20), ZoneInfo("UTC")
with open_source("company", COMPANY, folder) as snapshot:
    window = window_of(Datasets(), CUSTOMERS, day, zone)
    own = DatasetSettings(table="players")
    extract_dataset(CUSTOMERS, own, snapshot, day, window, Staging(folder / "staging"), zone=zone)
"""


def test_a_process_killed_while_it_reads_leaves_no_partition(company: Company) -> None:
    players(company, "(1, '', '2026-11-20')")
    with child(KILLED, company.folder) as process:
        assert line(process) == "writing"
        process.kill()
        process.wait()
    assert company.staging.find(STAGE, "customers", DAY) is None
    assert company.extract({}).rows == 1


def test_a_partition_is_rebuilt_once_a_later_one_has_ended(company: Company) -> None:
    players(company, "('a', 'F', '2026-11-20 10:00:00')")
    with open_source("company", COMPANY, company.folder) as snapshot:
        own = DatasetSettings(table="players")

        def rebuilt(partition: date, dataset: Dataset = CUSTOMERS, window: Window | None = None) -> bool:
            chosen = window or window_of(Datasets(), dataset, partition, UTC_ZONE)
            made = extract_dataset(dataset, own, snapshot, partition, chosen, company.staging, zone=UTC_ZONE)
            return made.rebuilt

        day = newest_closed(date.min, snapshot.taken_at, UTC_ZONE)
        hour = newest_closed(partition_of("2026-01-01T00"), snapshot.taken_at, UTC_ZONE)
        month = Month(2025, 1, 1)
        assert [rebuilt(each) for each in (day, day - timedelta(days=1))] == [False, True]
        assert [rebuilt(each) for each in (hour, hour - timedelta(hours=1))] == [False, True]
        assert not rebuilt(month, window=months(1, date(2025, 2, 1), UTC_ZONE)[0])
        assert not rebuilt(day, CATALOG)
