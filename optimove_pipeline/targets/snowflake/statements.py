"""The statements that make databases, schemas, tables, receipts and secure views; none of them drops a grant."""

# ruff: noqa: S608 - names go through quoted, texts through literal

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from optimove_pipeline.targets.snowflake.names import STAMP_NAME, Names, literal, plain, quoted
from optimove_pipeline.targets.table import Table, TableColumn

RECEIPT_COLUMNS = {
    "FEED": "VARCHAR NOT NULL",
    "PARTITION": "VARCHAR NOT NULL",
    "SOURCE": "VARCHAR NOT NULL",
    "ROW_COUNT": "NUMBER(38, 0)",
    "RUN_ID": "VARCHAR",
    "WINDOW_START": "VARCHAR",
    "WINDOW_END": "VARCHAR",
    "LOADED_AT": "TIMESTAMP_NTZ(6)",
}
"""Of each feed's partition: what was loaded last, by which run, of which window, and when (UTC)."""


def sql_type(dtype: pl.DataType) -> str:
    """Return the type of a column. Texts have no length: one costs nothing, and a contract may raise its own."""
    match dtype:
        case pl.Int64():
            return "NUMBER(38, 0)"
        case pl.Decimal():
            return f"NUMBER({dtype.precision or 38}, {dtype.scale})"
        case pl.Boolean():
            return "BOOLEAN"
        case pl.Date():
            return "DATE"
        case pl.Datetime():
            return "TIMESTAMP_NTZ(6)"
        case _:
            return "VARCHAR"


def create_database(name: str) -> str:
    """Return what makes a database."""
    return f"CREATE DATABASE IF NOT EXISTS {quoted(name)}"


def create_schema(schema: str) -> str:
    """Return what makes a schema, given with its database in quotes."""
    return f"CREATE SCHEMA IF NOT EXISTS {schema}"


def create_receipts(names: Names) -> str:
    """Return what makes the table of receipts."""
    return _create(names.receipts, (f"{quoted(name)} {kind}" for name, kind in RECEIPT_COLUMNS.items()))


def create_table(names: Names, table: Table) -> str:
    """Return what makes a feed's table: its columns, and the stamp of the partition."""
    columns = [f"{quoted(column.name)} {_kind(column, table)}" for column in table.columns]
    return _create(names.table(table.name), [*columns, f"{quoted(STAMP_NAME)} VARCHAR NOT NULL"])


def add_column(names: Names, table: Table, column: TableColumn) -> str:
    """Return what adds a column, after those that are there."""
    added = f"{quoted(column.name)} {sql_type(column.dtype)}"
    return f"ALTER TABLE {names.table(table.name)} ADD COLUMN IF NOT EXISTS {added}"


def create_view(names: Names, table: Table, columns: Sequence[str]) -> str:
    """Return what makes a feed's secure view, or makes it anew with further columns; grants stay."""
    selected = ", ".join(map(quoted, columns))
    return (
        f"CREATE OR REPLACE SECURE VIEW {names.view(table.name)} COPY GRANTS AS\n"
        f"SELECT {selected}\nFROM {names.table(table.name)}"
    )


def columns_of(database: str, schemas: Iterable[str], name: str) -> str:
    """Return what asks for the columns, in their order, of what has a name in schemas of a database."""
    among = ", ".join(literal(plain(schema)) for schema in schemas)
    return (
        "SELECT TABLE_SCHEMA, COLUMN_NAME, DATA_TYPE, NUMERIC_SCALE "
        f"FROM {quoted(database)}.INFORMATION_SCHEMA.COLUMNS "
        f"WHERE TABLE_SCHEMA IN ({among}) AND TABLE_NAME = {literal(plain(name))} ORDER BY ORDINAL_POSITION"
    )


def schemas_of(database: str) -> str:
    """Return what asks for the schemas of a database."""
    return f"SELECT SCHEMA_NAME FROM {quoted(database)}.INFORMATION_SCHEMA.SCHEMATA"


def _kind(column: TableColumn, table: Table) -> str:
    # Other required columns may come to lack in a later contract, and their rows are loaded with NULL then.
    return f"{sql_type(column.dtype)} NOT NULL" if column.name in table.key else sql_type(column.dtype)


def _create(table: str, columns: Iterable[str]) -> str:
    lines = ",\n  ".join(columns)
    return f"CREATE TABLE IF NOT EXISTS {table} (\n  {lines}\n)"
