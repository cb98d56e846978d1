"""Packages leave out the rows of forgotten customers, and are made anew only where they hold one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.packages import Package
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import Partition
from optimove_pipeline_tests.stages.packing import READY, SENDS, contents, options, validated

ROWS = pl.DataFrame({"customer_id": ["A1", "A2", None, "A1", "Zoë-3"], "number": [1, 2, 3, 4, 5]})
COLUMN = "customer_id"


def packed(
    folder: Path, partition: Partition, suppressed: Collection[str], column: str | None = COLUMN, **settings: Any
) -> Package:
    """Package a partition without the customers suppressed."""
    return package(
        SENDS,
        partition,
        options(**settings),
        folder / "packages",
        ready=READY,
        forgotten=Forgotten(column, suppressed),
    )


def numbers(made: Package) -> list[int]:
    """Return the numbers of the rows in a CSV package."""
    return [int(row["number"]) for content in contents(made) for row in csv.DictReader(io.StringIO(content.decode()))]


@pytest.mark.parametrize(
    ("suppressed", "left"),
    [((), [1, 2, 3, 4, 5]), (("A1",), [2, 3, 5]), ({"A1", "Zoë-3", "B9"}, [2, 3]), (("a1", "A"), [1, 2, 3, 4, 5])],
)
def test_rows_of_forgotten_customers_are_left_out(
    tmp_path: Path, suppressed: Collection[str], left: list[int]
) -> None:
    made = packed(tmp_path, validated(tmp_path, ROWS), suppressed)
    assert numbers(made) == left
    assert made.rows == len(left) == sum(part.rows for part in made.parts)


def test_all_parts_of_a_partition_and_all_formats_leave_them_out(tmp_path: Path) -> None:
    many = pl.DataFrame({"customer_id": [f"A{number % 10}" for number in range(1000)], "number": range(1000)})
    partition = validated(tmp_path, many, rows_per_part=64)
    assert len(partition.parts) > 10
    lines = contents(packed(tmp_path / "ndjson", partition, ["A3"], format="ndjson"))[0].decode().splitlines()
    assert [json.loads(line)["customer_id"] for line in lines].count("A3") == 0
    assert len(lines) == 900
    made = packed(tmp_path / "parquet", partition, ["A3"], format="parquet")
    frame = pl.concat([pl.read_parquet(made.file(part)) for part in made.parts])
    assert frame.height == 900
    assert "A3" not in frame["customer_id"]


def test_ids_that_are_numbers_are_left_out_as_they_are_written(tmp_path: Path) -> None:
    rows = ROWS.with_columns(customer_id=pl.Series([7, 8, None, 7, 77]))
    assert numbers(packed(tmp_path, validated(tmp_path, rows), ["7"])) == [2, 3, 5]


def test_a_day_of_forgotten_customers_alone_is_an_empty_day(tmp_path: Path) -> None:
    partition = validated(tmp_path, ROWS.filter(pl.col("customer_id") == "A1"))
    (part,) = packed(tmp_path, partition, ["A1"]).parts
    assert part.rows == 0
    assert packed(tmp_path / "none", partition, ["A1"], empty_day="none").parts == ()


def test_a_longer_list_makes_no_other_package_new(tmp_path: Path) -> None:
    partition = validated(tmp_path, ROWS)
    first = packed(tmp_path, partition, ())
    assert packed(tmp_path, partition, ["B1", "B2"]) == first
    without = packed(tmp_path, partition, ["B1", "A1"])
    assert without.source != first.source
    assert packed(tmp_path, partition, ["A1", "B7", "B8"]) == without


def test_a_customer_released_is_in_the_package_again(tmp_path: Path) -> None:
    partition = validated(tmp_path, ROWS)
    first = packed(tmp_path, partition, ())
    packed(tmp_path, partition, ["A1"])
    again = packed(tmp_path, partition, ())
    assert (again.source, again.parts) == (first.source, first.parts)


def test_a_feed_without_customers_is_packaged_whole(tmp_path: Path) -> None:
    assert numbers(packed(tmp_path, validated(tmp_path, ROWS), ["A1"], column=None)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("suppressed", [(), ("A1",)])
def test_a_column_that_is_not_there_is_refused_before_anything_is_packaged(
    tmp_path: Path, suppressed: Collection[str]
) -> None:
    with pytest.raises(SettingsError, match=r"sends of 2026-11-19 has no column Player_ID, by which"):
        packed(tmp_path, validated(tmp_path, ROWS), suppressed, column="Player_ID")
    assert not (tmp_path / "packages").exists()
