"""What every source gives: a snapshot, one consistent view of its rows for as long as it is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import polars as pl

BATCH_ROWS = 122_880
"""Most rows of a frame that a snapshot gives: as many as a part of a partition has."""

COUNT = "counted"
"""The name of the column that a count is in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: a table or view (of files: a pattern of paths), or else a query.

    ``partition`` is what ``{date:…}`` in a pattern of paths stands for; where there are ``partitions``, it stands for
    each of them, and the files of all are read together.
    """

    table: str | None = None
    query: str | None = None
    partition: date | None = None
    partitions: tuple[date, ...] = ()

    @property
    def place(self) -> str:
        """What a message calls it."""
        return self.table or "the query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rows and columns that are read, in the source's own names.

    ``start`` (inclusive) and ``end`` (exclusive) bound ``change_column``, as text that the database reads as a value
    of that column (``bounds``); all rows where they are None, and those without a change where ``unchanged``.
    ``order`` names the columns that the rows are sorted by, so that the same rows come in the same order.
    """

    origin: Origin
    columns: tuple[str, ...]
    change_column: str | None = None
    start: str | None = None
    end: str | None = None
    unchanged: bool = False
    order: tuple[str, ...] = ()


class Snapshot(Protocol):
    """One consistent view of a source; what others commit meanwhile is not seen.

    Every step raises SettingsError where the settings or the rights there are wrong, and PartitionError where the
    source can't be reached or breaks off. Neither message holds a secret or a value.
    """

    @property
    def place(self) -> str:
        """The source's name, kind and address, for messages."""

    @property
    def taken_at(self) -> datetime:
        """The moment of the view, in UTC with its zone."""

    def keeps_days(self, origin: Origin) -> bool:
        """Return whether an old partition is still there as it was: only of files with the date in their path."""

    def columns(self, origin: Origin) -> dict[str, pl.DataType]:
        """Return the columns by name, in the source's spelling, with the dtypes that ``read`` gives them.

        Nested values are text with JSON; values without a Polars dtype of their own are text.
        """

    def count(self, selection: Selection) -> int:
        """Return how many rows a selection has."""

    def read(self, selection: Selection) -> Iterator[pl.DataFrame]:
        """Yield the rows in frames of at most ``BATCH_ROWS`` rows, with the selection's columns."""

    def first_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """Return the first value of a query's first row, or None; its names such as ``:day`` get the parameters."""
