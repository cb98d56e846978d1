"""Feeds as tables: columns and types, and the rows of a partition."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.config import parse_settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.packaging import options_of
from optimove_pipeline.packages import Package
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.package import package
from optimove_pipeline.stages.table_rows import rows_of, table_of
from optimove_pipeline.staging import Partition
from optimove_pipeline.targets.table import Replace, Rows
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options, validated

SETTINGS = parse_settings(
    {
        "datasets": {"preset": "casino", "source": "shop"},
        "sources": {"shop": {"kind": "duckdb", "path": "shop.duckdb"}},
    },
    source="test",
    data_dir=Path("data"),
)
SENT_AT = datetime(2026, 11, 19, 8, 30)  # noqa: DTZ001 - of no zone, as in staging
CASINO = {dataset.name: dataset for dataset in SETTINGS.chosen_datasets}


def made(tmp_path: Path, frame: pl.DataFrame, **kwargs: str) -> tuple[Partition, Package]:
    partition = validated(tmp_path, frame)
    return partition, package(SENDS, partition, options(**kwargs), tmp_path / "packages", ready=READY)


def rows(tmp_path: Path, frame: pl.DataFrame, *suppressed: str) -> Rows:
    partition, of = made(tmp_path, frame)
    return rows_of(SENDS, options(), partition, of, "run-1", Forgotten("customer_id", suppressed))


@pytest.mark.parametrize("dataset", CASINO.values(), ids=lambda dataset: dataset.name)
def test_a_data_set_has_its_contracts_columns_in_their_order(dataset: Dataset) -> None:
    table = table_of(dataset, options_of(SETTINGS, dataset))
    assert table.name == dataset.table
    assert [column.name for column in table.columns] == [column.name for column in dataset.columns]
    assert (table.key, table.changed, table.customer) == (dataset.key, dataset.change_column, dataset.customer_column)
    assert all(table.column(name).required for name in table.key)


def test_what_a_partition_replaces_follows_from_what_it_holds() -> None:
    replaced = {name: table_of(dataset, options_of(SETTINGS, dataset)).replace for name, dataset in CASINO.items()}
    assert replaced["customers"] is replaced["transactions"] is Replace.KEYS
    assert {replaced[name] for name, each in CASINO.items() if each.load == "snapshot"} == {Replace.ALL}
    assert table_of(BY_NAME["customers_by_action"], SETTINGS.packages.of("customers_by_action")).replace is (
        Replace.PARTITION
    )


def test_a_report_has_its_day_first_and_in_its_key() -> None:
    table = table_of(BY_NAME["executed_campaign_details"], SETTINGS.packages.of("executed_campaign_details"))
    assert table.columns[0].name == "report_date"
    assert (table.key, table.changed) == (("report_date", "campaign_id"), None)


def test_values_are_those_of_files_and_times_have_no_zone(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "customer_id": ["C1", "C2"],
            "amount": [1.5, None],
            "born": [date(1990, 1, 2), None],
            "sent_at": [SENT_AT, None],
            "opened": [True, None],
            "times": [3, None],
        }
    )
    held = rows(tmp_path, frame)
    (read,) = held.frames()
    assert read.schema == {column.name: column.dtype for column in held.table.columns}
    by_name = {column.name: column.dtype for column in held.table.columns}
    assert (by_name["amount"], by_name["sent_at"]) == (pl.Decimal(18, 4), pl.Datetime("us"))
    first, second = (dict(zip(read.columns, row, strict=True)) for row in read.rows())
    assert (first["amount"], first["sent_at"], first["opened"]) == (
        Decimal("1.5000"),
        SENT_AT,
        "Yes",
    )
    assert {value for name, value in second.items() if name != "customer_id"} == {None}


def test_the_same_rows_are_the_same_and_others_are_not(tmp_path: Path) -> None:
    frame = pl.DataFrame({"customer_id": ["C1", "C2"], "amount": [1.0, 2.0]})
    first, again = rows(tmp_path / "1", frame), rows(tmp_path / "2", frame)
    assert first.source == again.source
    assert rows(tmp_path / "3", frame.with_columns(amount=pl.lit(9.0))).source != first.source
    assert rows(tmp_path / "4", frame.head(1)).source != first.source


def test_the_partition_is_named_by_its_key_and_counted(tmp_path: Path) -> None:
    held = rows(tmp_path, pl.DataFrame({"customer_id": ["C1", "C2"]}))
    assert (held.partition, held.count, held.run_id) == (DAY.isoformat(), 2, "run-1")


def test_every_call_of_frames_begins_anew(tmp_path: Path) -> None:
    held = rows(tmp_path, pl.DataFrame({"customer_id": ["C1", "C2"]}))
    assert [sum(frame.height for frame in held.frames()) for _ in range(2)] == [2, 2]


def test_rows_of_forgotten_customers_are_left_out_and_told(tmp_path: Path) -> None:
    held = rows(tmp_path, pl.DataFrame({"customer_id": ["C1", "C2"]}), "C2", "C9")
    assert [value for frame in held.frames() for value in frame["customer_id"]] == ["C1"]
    assert (held.count, set(held.forgotten)) == (1, {"C2", "C9"})
