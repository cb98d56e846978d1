"""What a loaded partition changes in its table, for engines that take its rows from a stage table.

A row that is replaced is deleted and inserted, not merged: SQLAlchemy has no MERGE, and SQL Server's own is known for
its flaws. Readers see neither step, for all statements of a load are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from optimove_pipeline.targets.databases.layout import Place, bare, receipts_table, rows_name
from optimove_pipeline.targets.databases.loading import is_not_newer, receipt_statements
from optimove_pipeline.targets.table import Replace, Rows

FORGOTTEN = "id"
"""The column of a stage table that holds the ids of forgotten customers, as text."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A partition that lies in a stage table, and the table that it is for; ``stamp`` is the latter's last column."""

    rows: Rows
    held: sa.Table
    stage: sa.Table
    stamp: str

    @property
    def names(self) -> list[str]:
        """The columns of the partition."""
        return [column.name for column in self.rows.table.columns]


def staged(rows: Rows, stage: str, stages: Place, place: Place) -> Staged:
    """Return a partition that lies in the table ``stage`` of ``stages``, and is for its table of ``place``."""
    names = [column.name for column in rows.table.columns]
    held = bare(rows_name(rows.table), [*names, place.stamp], place)
    return Staged(rows, held, bare(stage, names, stages), place.stamp)


def replaced_whole(partition: Staged, receipts: sa.Table) -> list[sa.ClauseElement]:
    """Return what puts a partition in the place of all rows, unless a newer one was loaded before."""
    rows = partition.rows
    newer = sa.exists().where(
        receipts.c.feed == sa.literal(rows.table.feed, sa.String()),
        receipts.c.partition_key > sa.literal(rows.partition, sa.String()),
    )
    return [sa.delete(partition.held).where(~newer), added(partition, ~newer)]


def replaced_partition(partition: Staged) -> list[sa.ClauseElement]:
    """Return what puts a partition in the place of its earlier rows."""
    stamp = partition.held.columns[partition.stamp]
    is_own = stamp == sa.literal(partition.rows.partition, sa.String())
    return [sa.delete(partition.held).where(is_own), added(partition)]


def replaced_keys(partition: Staged) -> list[sa.ClauseElement]:
    """Return what puts the partition's rows in the place of those of their keys, unless these are newer."""
    held, stage, changed = partition.held, partition.stage, partition.rows.table.changed
    same = sa.exists().where(*(held.columns[name] == stage.columns[name] for name in partition.rows.table.key))
    gives_way = same if changed is None else same.where(is_not_newer(held.columns[changed], stage.columns[changed]))
    return [sa.delete(held).where(gives_way), added(partition, ~same)]


def added(partition: Staged, *conditions: sa.ColumnElement[bool]) -> sa.Insert:
    """Return what adds the partition's rows that meet the conditions."""
    columns: list[sa.ColumnElement[Any]] = [partition.stage.columns[name] for name in partition.names]
    stamp = sa.literal(partition.rows.partition, sa.String()).label(partition.stamp)
    new = sa.select(*columns, stamp).select_from(partition.stage).where(*conditions)
    return sa.insert(partition.held).from_select([*partition.names, partition.stamp], new)


def replacing(partition: Staged, place: Place, forgotten: sa.Table | None) -> Sequence[sa.ClauseElement]:
    """Return all that a load changes, its receipt among it; ``forgotten`` lists customers of whom no row may stay."""
    rows, statements = partition.rows, list[sa.ClauseElement]()
    match rows.table.replace:
        case Replace.KEYS:
            statements += replaced_keys(partition)
        case Replace.PARTITION:
            statements += replaced_partition(partition)
        case Replace.ALL:
            statements += replaced_whole(partition, receipts_table(place))
    if forgotten is not None and rows.table.customer is not None:
        customer = sa.cast(partition.held.columns[rows.table.customer], sa.Unicode())
        statements.append(sa.delete(partition.held).where(customer.in_(sa.select(forgotten.columns[FORGOTTEN]))))
    return [*statements, *receipt_statements(rows, place)]
