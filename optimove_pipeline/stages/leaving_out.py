"""Leaving the rows of forgotten customers out of a package."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.staging import Partition


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The ``ids`` of forgotten customers, or of what they own, in a ``column``; None where nothing is anybody's."""

    column: str | None
    ids: Collection[str]


NOBODY = Forgotten(None, ())


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """The forgotten customers that a partition holds, by the ``column`` of their ids, and how many rows they have.

    ``ids`` are text, sorted.
    """

    column: str
    ids: pl.Series
    rows: int

    def rest(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of all other customers, those without a customer among them."""
        return frame.filter(~_is_of(self.column, self.ids)) if self.rows else frame


NOTHING = LeftOut("", pl.Series(dtype=pl.String), 0)


def find_left_out(partition: Partition, column: str | None, suppressed: Collection[str]) -> LeftOut:
    """Return what a partition holds of the customers ``suppressed``; reads the one column, frame by frame.

    Raises:
        SettingsError: the partition has no such column, so that it can't be told whose rows it holds.
    """
    if column is None:
        return NOTHING
    if column not in partition.columns:
        raise SettingsError(
            f"{partition.feed} of {partition_key(partition.day)} has no column {column}, by which the rows of "
            "forgotten customers are left out: name the contract's customer_column as the column of the customer's id"
        )
    if not suppressed:
        return NOTHING
    ids, found, rows = _sorted(suppressed), set[str](), 0
    for frame in frames(partition, [column]):
        held = frame.filter(_is_of(column, ids)).get_column(column)
        rows += len(held)
        found.update(held.cast(pl.String).unique())
    return LeftOut(column, _sorted(found), rows)


def _sorted(ids: Collection[str]) -> pl.Series:
    return pl.Series(sorted(ids), dtype=pl.String)


def _is_of(column: str, ids: pl.Series) -> pl.Expr:
    # What has no customer is nobody's.
    return pl.col(column).cast(pl.String).is_in(ids.implode()).fill_null(value=False)
