"""A company's data set from its database into Iceberg tables, through Dagster, read as Optimove would."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from optimove_pipeline.config import load_settings
from optimove_pipeline.target_feeds import tables_at
from optimove_pipeline.targets.iceberg.catalogs import opened
from optimove_pipeline.targets.iceberg.reading import read
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline_tests.assets.casino import casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import Place, environment
from optimove_pipeline_tests.servers.iceberg_reader import duckdb_rows

FIRST, SECOND = "2020-03-01", "2020-03-02"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = without_history(casino(tmp_path, select=["customers"], overlap_hours=24))
    document = yaml.safe_load((tmp_path / "optimove.yaml").read_text())
    document["targets"] = {"lake": {"kind": "iceberg", "warehouse": str(tmp_path / "lake")}}
    document["delivery"]["datasets"] = ["lake"]
    (tmp_path / "optimove.yaml").write_text(yaml.safe_dump(document))
    return made


def deliver(place: Place, last: str, *options: str) -> None:
    ended = command(place, "deliver", "--from", FIRST, "--to", last, *options)
    assert ended.exit_code == 0, ended.output


def received(place: Place) -> tuple[list[list[object]], list[dict[str, str]]]:
    """Return the customers that the receiver reads, and what the snapshots say, the oldest first."""
    with environment(place):
        settings = load_settings()
        own = settings.target("lake")
        assert isinstance(own, IcebergSettings)
        assert [table.name for table in tables_at(settings, "lake")] == ["Customers"]
        with opened(own, "lake", settings.data_dir) as catalog:
            found = catalog.load_table("optimove.customers")
            rows = duckdb_rows(found.metadata_location, '"Player_ID", _partition')
            assert read(found, pl.col("Player_ID", "_partition")).sort("Player_ID").rows() == [*map(tuple, rows)]
            summaries = [each.summary.additional_properties for each in found.snapshots() if each.summary]
    return rows, [{key.removeprefix("optimove."): value for key, value in each.items()} for each in summaries]


def test_days_are_delivered_and_read_back_and_a_forgotten_customer_goes(place: Place) -> None:
    assert command(place, "connect", "lake", "--apply").exit_code == 0
    deliver(place, SECOND)
    rows, told = received(place)
    assert rows == [["59", FIRST], ["60", SECOND], ["61", SECOND]]
    assert [(each["partition"], each["rows"]) for each in told] == [(FIRST, "2"), (SECOND, "2")]
    assert told[1]["window-end"] == "2020-03-03T00:00:00+00:00"

    assert command(place, "forget", "59").exit_code == 0
    deliver(place, FIRST, "--redeliver", "a customer is to be forgotten")
    rows, told = received(place)
    assert rows == [["60", FIRST], ["61", SECOND]]
    assert len(told) == 3
