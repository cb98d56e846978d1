"""How a partition gets into a database's tables within one transaction, the same for every engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa

from optimove_pipeline.targets.databases.layout import Place, bare, receipts_table, rows_name
from optimove_pipeline.targets.table import STAMP, Replace, Rows, Table

_CUSTOMERS_AT_ONCE = 1000
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,37}")
"""A number as a partition's rows are compared with ids, as text: 007 is not 7."""


class Transaction(Protocol):
    """One transaction of a database."""

    def execute(self, statement: sa.ClauseElement) -> None:
        """Carry out a statement that has no result."""

    def values(self, statement: sa.ClauseElement) -> list[Any]:
        """Return the first column of a result."""

    def append(self, rows: Rows) -> None:
        """Add all rows to the feed's table, with their partition in ``STAMP``."""

    def merge(self, rows: Rows, held: Sequence[str]) -> None:
        """Put all rows into the feed's table in place of those of their keys, unless these are newer.

        ``held`` are the columns of that table; those that the rows lack become null.
        """


def load_rows(rows: Rows, held: Sequence[str], place: Place, within: Transaction) -> None:
    """Load a partition as its table's ``replace`` says, remove the rows of forgotten customers, leave the receipt."""
    if rows.table.replace is Replace.KEYS:
        within.merge(rows, held)
    elif not _is_outdated(rows, place, within):
        within.execute(_replaced(rows, place))
        within.append(rows)
    last: list[sa.ClauseElement] = [*_forgotten(rows.table, rows.forgotten, place), *receipt_statements(rows, place)]
    for statement in last:
        within.execute(statement)


def receipt_of(table: Table, partition: str, place: Place) -> sa.Select[Any]:
    """Return the statement that reads the ``source`` of a partition that was loaded."""
    receipts = receipts_table(place)
    return sa.select(receipts.c.source).where(receipts.c.feed == table.feed, receipts.c.partition_key == partition)


def is_not_newer(held: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a row gives way to another, by their change columns; unknown ones do."""
    return sa.or_(held <= other, held.is_(None), other.is_(None))


def is_empty(table: Table, place: Place, within: Transaction) -> bool:
    """Return whether a feed's table has no row: then there is nothing that rows by key compare themselves with."""
    target = bare(rows_name(table), [place.stamp], place)
    return not within.values(sa.select(target.c[place.stamp]).limit(1))


def _is_outdated(rows: Rows, place: Place, within: Transaction) -> bool:
    """Return whether a whole table that is newer than this one was loaded before."""
    if rows.table.replace is not Replace.ALL:
        return False
    receipts = receipts_table(place)
    loaded = within.values(sa.select(receipts.c.partition_key).where(receipts.c.feed == rows.table.feed))
    return any(partition > rows.partition for partition in loaded)


def _replaced(rows: Rows, place: Place) -> sa.Delete:
    target = bare(rows_name(rows.table), [STAMP], place)
    if rows.table.replace is Replace.ALL:
        return sa.delete(target)
    return sa.delete(target).where(target.c[STAMP] == sa.literal(rows.partition, sa.String()))


def _forgotten(table: Table, customers: Collection[str], place: Place) -> Iterator[sa.Delete]:
    if table.customer is None:
        return
    target, dtype = bare(rows_name(table), [table.customer], place), table.column(table.customer).dtype
    values, kind = _as_held(customers, dtype)
    for start in range(0, len(values), _CUSTOMERS_AT_ONCE):
        some = [sa.literal(value, kind) for value in values[start : start + _CUSTOMERS_AT_ONCE]]
        yield sa.delete(target).where(target.c[table.customer].in_(some))


def _as_held(customers: Collection[str], dtype: pl.DataType) -> tuple[list[Any], sa.types.TypeEngine[Any]]:
    """Return ids as the column holds them, so that its index serves; what is no number is in no column of numbers."""
    if dtype == pl.String:
        return sorted(customers), sa.String()
    numbers = {int(each) for each in customers if _NUMBER.fullmatch(each)}
    return sorted(numbers), sa.BigInteger()


def receipt_statements(rows: Rows, place: Place) -> tuple[sa.Delete, sa.Insert]:
    """Return what takes the place of a partition's receipt."""
    receipts = receipts_table(place)
    is_own = (receipts.c.feed == rows.table.feed) & (receipts.c.partition_key == rows.partition)
    record = sa.insert(receipts).values(
        feed=rows.table.feed,
        partition_key=rows.partition,
        source=rows.source,
        row_count=rows.count,
        run_id=rows.run_id,
        window_start=_in_utc(rows.window.start) if rows.window else None,
        window_end=_in_utc(rows.window.end) if rows.window else None,
        loaded_at=_in_utc(datetime.now(UTC)),
    )
    return sa.delete(receipts).where(is_own), record


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
