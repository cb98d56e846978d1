"""The statements that make a target's datasets, tables and views in BigQuery."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, CreateView

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.bigquery.dialect import CLUSTERED, PARTITIONED, BigQueryTables
from optimove_pipeline.targets.databases.layout import (
    Place,
    bare,
    name_of,
    quoted,
    receipts_table,
    rows_name,
    rows_table,
    text_of,
)
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Replace, Table

DIALECT = BigQueryTables()
STAMP = "loaded_partition"
"""BigQuery keeps names that begin with _PARTITION to itself."""
STAGE_DAYS = 1
_MOST_CLUSTERED = 4


def place_of(settings: BigQueryTargetSettings, dataset: str) -> Place:
    """Return a dataset of the settings' project."""
    return Place(quoted(f"{settings.project}.{dataset}"), {}, STAMP)


def first_statements(settings: BigQueryTargetSettings) -> list[str]:
    """Return what makes the datasets of views, of tables and of stage tables, and the table of receipts."""
    return [*_dataset_statements(settings), _receipts_statement(settings)]


def _dataset_statements(settings: BigQueryTargetSettings) -> list[str]:
    quote = DIALECT.identifier_preparer.quote_identifier
    located = f"location = '{settings.region}'"
    return [
        f"CREATE SCHEMA IF NOT EXISTS {quote(f'{settings.project}.{dataset}')} OPTIONS ({options})"
        for dataset, options in (
            (settings.dataset, located),
            (settings.tables_dataset, located),
            (settings.stage_dataset, f"{located}, default_table_expiration_days = {STAGE_DAYS}"),
        )
    ]


def _receipts_statement(settings: BigQueryTargetSettings) -> str:
    place = place_of(settings, settings.tables_dataset)
    return text_of(CreateTable(receipts_table(place), if_not_exists=True), DIALECT)


def must_be_named(table: Table) -> None:
    """Return if BigQuery takes the name of a feed's table. Raises ``SettingsError`` if not."""
    if "." in table.name:
        raise SettingsError(
            f"{table.feed}: its table can't be called {table.name} in BigQuery, which takes no dots in names: set "
            f"packages.each.{table.feed}.table to another"
        )


def missing(settings: BigQueryTargetSettings, table: Table, held: Sequence[str]) -> list[str]:
    """Return what makes a feed's table, or adds the columns that it lacks; ``held`` are those that it has."""
    made = _rows_table(settings, table)
    if not held:
        return [text_of(CreateTable(made, if_not_exists=True), DIALECT)]
    lacking = [column for column in made.columns if column.name not in held]
    kinds = [column.type.compile(DIALECT) for column in lacking]
    return [
        f"ALTER TABLE {name_of(made, DIALECT)} ADD COLUMN IF NOT EXISTS {_quoted(column.name)} {kind}"
        for column, kind in zip(lacking, kinds, strict=True)
    ]


def view_statement(settings: BigQueryTargetSettings, table: Table, columns: Sequence[str]) -> str:
    """Return what makes the view of these columns."""
    rows = bare(rows_name(table), columns, place_of(settings, settings.tables_dataset))
    schema = place_of(settings, settings.dataset).schema
    view = CreateView(sa.select(*rows.columns), quoted(table.name), schema=schema, or_replace=True)
    return text_of(view, DIALECT)


def seen_after(table: Table, held: Sequence[str]) -> list[str]:
    """Return the columns of a feed's view once its table has what it lacks; ``held`` are those that it has now."""
    names = [column.name for column in table.columns]
    return [name for name in [*held, *(each for each in names if each not in held)] if name != STAMP]


def newest_query(settings: BigQueryTargetSettings, table: Table) -> str:
    """Return the query that the receiver compares with what it has: the rows, and the newest change."""
    names = [column.name for column in table.columns]
    seen = bare(table.name, names, place_of(settings, settings.dataset))
    newest = [sa.func.max(seen.columns[table.changed])] if table.changed else []
    return text_of(sa.select(sa.func.count(), *newest).select_from(seen), DIALECT)


def _rows_table(settings: BigQueryTargetSettings, table: Table) -> sa.Table:
    made = rows_table(table, place_of(settings, settings.tables_dataset))
    first = [STAMP] if table.replace is Replace.PARTITION else []
    made.info[CLUSTERED] = [*first, *(name for name in table.key if name != table.changed)][:_MOST_CLUSTERED]
    made.info[PARTITIONED] = table.changed
    return made


def _quoted(name: str) -> str:
    return DIALECT.identifier_preparer.quote_identifier(name)
