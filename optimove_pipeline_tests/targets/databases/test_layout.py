"""The statements of tables, for the dialects of all engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
import sqlglot
from sqlalchemy.dialects import mssql, mysql, postgresql
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.databases.definition import Nothing, missing
from optimove_pipeline.targets.databases.layout import Place, create_statements, rows_table, view_statement
from optimove_pipeline.targets.table import Replace, Table, TableColumn
from optimove_pipeline_tests.targets.databases.feeds import GAMES, PLAYERS, SENDS

DIALECTS: dict[str, tuple[Callable[..., Dialect], str]] = {
    "postgres": (postgresql.dialect, "postgres"),
    "mysql": (mysql.dialect, "mysql"),
    "sqlserver": (mssql.dialect, "tsql"),
}
KEYS = Table(
    feed="keys",
    name="Keys",
    columns=(
        *(TableColumn(name, pl.String()) for name in "abcd"),
        TableColumn("e", pl.String(), length=60),
        TableColumn("n", pl.Int64()),
    ),
    key=("a", "b", "c", "d", "e", "n"),
    unique=True,
    replace=Replace.KEYS,
)


def dialect_of(engine: str) -> Dialect:
    return DIALECTS[engine][0](paramstyle="named")


@pytest.mark.parametrize("engine", DIALECTS)
@pytest.mark.parametrize("table", [PLAYERS, SENDS, GAMES, KEYS])
def test_every_statement_is_of_its_dialect(engine: str, table: Table) -> None:
    for statement in missing(table, Place("optimove", {}), dialect_of(engine), Nothing()):
        (parsed,) = sqlglot.parse(statement, dialect=DIALECTS[engine][1])
        assert parsed is not None
        assert parsed.key == "create"


@pytest.mark.parametrize("engine", ["mysql", "sqlserver"])
def test_a_key_of_many_texts_fits_into_an_index(engine: str) -> None:
    (create, *_) = create_statements(rows_table(KEYS, Place(None, {})), dialect_of(engine))
    lengths = [int(part.partition(")")[0]) for part in create.split("VARCHAR(")[1:-1]]
    assert lengths == [160, 160, 160, 160, 60]
    assert sum(lengths) <= 700


def test_no_column_is_counted_up_by_the_database() -> None:
    for engine in DIALECTS:
        (create, *_) = create_statements(rows_table(GAMES, Place(None, {})), dialect_of(engine))
        assert not {"SERIAL", "AUTO_INCREMENT", "IDENTITY"} & set(create.replace("BIGSERIAL", "SERIAL").split())


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (PLAYERS, ['("LastUpdated", "Player_ID")']),
        (replace(PLAYERS, customer="Alias"), ['("LastUpdated", "Player_ID")', '("Alias")']),
        (SENDS, ['("customer_id")', '("report_date", "customer_id")', "(_partition)"]),
        (GAMES, []),
    ],
)
def test_indexes_serve_changes_keys_partitions_and_customers(table: Table, columns: list[str]) -> None:
    _, *indexes = create_statements(rows_table(table, Place(None, {})), dialect_of("postgres"))
    assert sorted(f"({index.rpartition(' (')[2]}" for index in indexes) == sorted(columns)


@pytest.mark.parametrize("name", ["x" * 53, "receipts", "Receipts"])
def test_a_name_that_is_too_long_or_that_of_the_receipts_is_refused_with_the_setting(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"can't be called {name} .*set packages\.each\.customers\.table"):
        rows_table(replace(PLAYERS, name=name), Place(None, {}))
    for dialect in map(dialect_of, DIALECTS):
        made = rows_table(replace(PLAYERS, name="x" * 52), Place(None, {}))
        assert create_statements(made, dialect)


def test_a_column_whose_name_is_too_long_is_refused() -> None:
    long = replace(PLAYERS, columns=(*PLAYERS.columns, TableColumn("ü" * 32, pl.String())))
    with pytest.raises(SettingsError, match="customers: column üüü"):
        rows_table(long, Place(None, {}))


def test_a_text_of_sql_server_has_room_for_characters_of_two_units() -> None:
    (create, *_) = create_statements(rows_table(PLAYERS, Place(None, {})), dialect_of("sqlserver"))
    assert "[Player_ID] NVARCHAR(50)" in create
    assert "[Alias] NVARCHAR(200)" in create


def test_a_view_has_the_columns_in_their_order_and_not_the_partition() -> None:
    names = [column.name for column in PLAYERS.columns]
    told = view_statement(PLAYERS, Place("optimove", {}), names, dialect_of("postgres"), replace=False)
    parsed = sqlglot.parse_one(told, dialect="postgres")
    assert parsed.expression.named_selects == names
