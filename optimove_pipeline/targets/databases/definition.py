"""What a database lacks of a feed's tables, as statements; it is asked what it has through a ``Catalogue``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.targets.databases.layout import (
    RECEIPTS,
    Place,
    add_column_statement,
    create_statements,
    receipts_table,
    rows_name,
    rows_table,
    view_columns,
    view_statement,
)
from optimove_pipeline.targets.table import Table


class Catalogue(Protocol):
    """What a database tells of its tables, views among them."""

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table or view in their order; none if it is not there."""

    def indexes(self, name: str) -> Collection[str]:
        """Return the names of a table's indexes."""


class Nothing:
    """An empty database."""

    def columns(self, name: str) -> list[str]:
        """Return none."""
        return []

    def indexes(self, name: str) -> Collection[str]:
        """Return none."""
        return []


def missing_receipts(place: Place, dialect: Dialect, has: Catalogue) -> list[str]:
    """Return the statements that make the table of receipts."""
    return [] if has.columns(RECEIPTS) else create_statements(receipts_table(place), dialect)


def missing(table: Table, place: Place, dialect: Dialect, has: Catalogue) -> list[str]:
    """Return the statements that make what is missing of a feed's table, its indexes and its view.

    A table that is there gets the columns that it lacks, after those it has, and so does the view.
    """
    made, held = rows_table(table, place), has.columns(rows_name(table))
    wanted = held_after(table, held)
    statements = _table_statements(made, held, dialect, has)
    seen = has.columns(table.name)
    if seen != view_columns(wanted):
        statements.append(view_statement(table, place, view_columns(wanted), dialect, replace=bool(seen)))
    return statements


def held_after(table: Table, held: Sequence[str]) -> list[str]:
    """Return the columns of a feed's table, in their order, once it has what it lacks; ``held`` are those it has."""
    names = [column.name for column in rows_table(table, Place(None, {})).columns]
    return [*held, *(name for name in names if name not in held)]


def _table_statements(made: sa.Table, held: Sequence[str], dialect: Dialect, has: Catalogue) -> list[str]:
    create, *indexes = create_statements(made, dialect)
    if not held:
        return [create, *indexes]
    added = [add_column_statement(made, column.name, dialect) for column in made.columns if column.name not in held]
    there = has.indexes(made.name)
    names = sorted(str(index.name) for index in made.indexes)
    return [*added, *(text for name, text in zip(names, indexes, strict=True) if name not in there)]
