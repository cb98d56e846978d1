"""Publishing days to DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.errors import ContractError, PartitionError
from optimove_pipeline.feeds import Column, Kind
from optimove_pipeline.stages.publish import Published, publish, publish_quarantine
from optimove_pipeline.stages.validate import validate
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse, row_counts
from optimove_pipeline_tests.stages.days import DAY, NEXT_DAY, SENDS, Row, extracted, held, row

TABLE = "optimove.sends"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def validated(staging: Staging, rows: Sequence[Row], day: date = DAY, *, tolerated_share: float = 1) -> None:
    extracted(staging, rows, day)
    validate(SENDS, day, staging, tolerated_share=tolerated_share)


def published(staging: Staging, warehouse: Warehouse, *days: date, together: bool = False) -> Published:
    return publish(SENDS, days or [DAY], staging, warehouse, "a run", together=together)


def select(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.open("a test") as connection:
        return connection.execute(query).fetchall()


def test_a_day_is_a_table_with_the_contracts_types(staging: Staging, warehouse: Warehouse) -> None:
    validated(staging, [row('Ünï, "x"\n;', attribute_email="a@b.c")])
    assert published(staging, warehouse).rows == {DAY: 1}
    assert [column[:3] for column in select(warehouse, f"DESCRIBE {TABLE}")] == [
        ("report_date", "DATE", "NO"),
        ("campaign_id", "BIGINT", "YES"),
        ("customer_id", "VARCHAR", "YES"),
        ("future_value", "DOUBLE", "YES"),
        ("is_multi_channel", "BOOLEAN", "YES"),
        ("start_date", "DATE", "YES"),
        ("scheduled_time", "TIMESTAMP", "YES"),
        ("attribute_email", "VARCHAR", "YES"),
        ("_loaded_at", "TIMESTAMP", "YES"),
        ("_run_id", "VARCHAR", "YES"),
    ]
    ((*values, loaded_at, run_id),) = select(warehouse, f"FROM {TABLE}")
    assert values == [
        DAY,
        7,
        'Ünï, "x"\n;',
        12.5,
        True,
        date(2026, 11, 19),
        datetime(2026, 11, 19, 10, 30),  # noqa: DTZ001 - times are naive
        "a@b.c",
    ]
    assert run_id == "a run"
    assert abs(datetime.now(UTC) - loaded_at.replace(tzinfo=UTC)) < timedelta(minutes=5)


def test_title_and_descriptions_are_comments_in_the_warehouse(staging: Staging, warehouse: Warehouse) -> None:
    validated(staging, [row()])
    published(staging, warehouse)
    table = "SELECT comment FROM duckdb_tables() WHERE schema_name = 'optimove'"
    column = "SELECT comment FROM duckdb_columns() WHERE schema_name = 'optimove' AND column_name = 'campaign_id'"
    assert select(warehouse, table) == [("Customers' sends",)]
    assert select(warehouse, column) == [("the customer's campaign",)]


@pytest.mark.parametrize("together", [False, True])
def test_publishing_again_replaces_a_day_and_no_other(
    staging: Staging, warehouse: Warehouse, *, together: bool
) -> None:
    validated(staging, [row("A"), row("B"), row(None)])
    validated(staging, [row("C")], NEXT_DAY)
    published(staging, warehouse, DAY, NEXT_DAY, together=together)
    validated(staging, [row("D"), row(None)])
    for _ in range(2):
        result = published(staging, warehouse, DAY, NEXT_DAY, together=together)
        assert (result.rows, result.quarantined) == ({DAY: 1, NEXT_DAY: 1}, {DAY: 1, NEXT_DAY: 0})
        assert select(warehouse, f"SELECT report_date, customer_id FROM {TABLE} ORDER BY 1") == [
            (DAY, "D"),
            (NEXT_DAY, "C"),
        ]
        assert select(warehouse, "SELECT report_date, rule, _run_id FROM quarantine.sends") == [
            (DAY, "required:customer_id", "a run")
        ]


def test_an_empty_day_makes_the_table_and_empties_the_day(staging: Staging, warehouse: Warehouse) -> None:
    for rows in ([], [row()], []):
        validated(staging, rows)
        assert published(staging, warehouse).rows == {DAY: len(rows)}
        assert select(warehouse, f"SELECT count(*) FROM {TABLE}") == [(len(rows),)]


def test_a_day_without_a_validated_partition_stops_all_days_before_anything_is_written(
    staging: Staging, warehouse: Warehouse
) -> None:
    validated(staging, [row()])
    with pytest.raises(PartitionError, match="validated/sends of 2026-11-20"):
        published(staging, warehouse, DAY, NEXT_DAY)
    assert not warehouse.path.exists()


def test_the_quarantine_of_a_day_held_back_is_published_and_its_published_rows_stay(
    staging: Staging, warehouse: Warehouse
) -> None:
    validated(staging, [row("A")])
    published(staging, warehouse)
    with pytest.raises(ContractError):
        validated(staging, [row(None), row("B", campaign_id="x")], tolerated_share=0)
    assert publish_quarantine(SENDS, DAY, staging, warehouse, "a run") == 2
    assert select(warehouse, 'SELECT rule, "column", raw_value FROM quarantine.sends ORDER BY 1') == [
        ("required:customer_id", "customer_id", None),
        ("type:campaign_id", "campaign_id", "x"),
    ]
    assert select(warehouse, f"SELECT customer_id FROM {TABLE}") == [("A",)]


def test_a_new_field_becomes_a_column_that_older_rows_have_null(staging: Staging, warehouse: Warehouse) -> None:
    validated(staging, [row("A")])
    validated(staging, [row("B", select="1")], NEXT_DAY)
    assert published(staging, warehouse, DAY, NEXT_DAY).changes == {"select": "BIGINT"}
    validated(staging, [row("C")])
    assert published(staging, warehouse, DAY).changes == {}
    query = f'SELECT customer_id, "select" FROM {TABLE} ORDER BY 1'
    assert select(warehouse, query) == [("B", 1), ("C", None)]


@pytest.mark.parametrize(
    ("first", "second", "sql_type", "values"),
    [
        ("1", "2", "BIGINT", [1, 2]),
        ("1", "2.5", "DOUBLE", [1.0, 2.5]),
        ("2.5", "1", "DOUBLE", [2.5, 1.0]),
        ("2026-11-19", "2026-11-19 10:00:00", "TIMESTAMP", [datetime(2026, 11, 19), datetime(2026, 11, 19, 10)]),  # noqa: DTZ001
        ("12", "x", "VARCHAR", ["12", "x"]),
        ("x", "12", "VARCHAR", ["x", "12"]),
        ("true", "3", "VARCHAR", ["true", "3"]),
        ("12", None, "BIGINT", [12, None]),
    ],
)
def test_an_inferred_column_widens_when_its_values_do(
    staging: Staging, warehouse: Warehouse, first: str, second: str | None, sql_type: str, values: list[object]
) -> None:
    validated(staging, [row("A", field=first)])
    validated(staging, [row("B", field=second)], NEXT_DAY)
    published(staging, warehouse, DAY, NEXT_DAY)
    assert select(warehouse, f"SELECT field, typeof(field) FROM {TABLE} ORDER BY customer_id") == [
        (value, sql_type) for value in values
    ]


def test_a_kind_that_the_catalogue_changes_widens_the_table(staging: Staging, warehouse: Warehouse) -> None:
    validated(staging, [row("A")])
    published(staging, warehouse)
    feed = replace(SENDS, columns=(*SENDS.columns[:2], Column("future_value", Kind.TEXT), *SENDS.columns[3:]))
    extracted(staging, [row("B", future_value="high")], NEXT_DAY)
    validate(feed, NEXT_DAY, staging, tolerated_share=0)
    assert published(staging, warehouse, NEXT_DAY).changes == {"future_value": "VARCHAR"}
    assert select(warehouse, f"SELECT future_value FROM {TABLE} ORDER BY 1") == [("12.5",), ("high",)]


def test_a_day_of_many_parts_arrives_whole(staging: Staging, warehouse: Warehouse) -> None:
    validated(staging, [row(str(number)) for number in range(1000)])
    whole, rows = staging.open("validated", "sends", DAY), held(staging, "validated")
    with staging.writing("validated", "sends", DAY, rows_per_part=64) as writer:
        writer.metadata |= whole.metadata
        writer.write(rows)
    assert published(staging, warehouse).rows == {DAY: 1000}
    assert select(warehouse, f"SELECT count(DISTINCT customer_id), count(*) FROM {TABLE}") == [(1000, 1000)]
    with warehouse.open("a test") as connection:
        assert row_counts(connection, TABLE) == [(DAY, 1000)]
