"""What the load stage and the targets that take tables agree on.

A partition is loaded whole, in one transaction that also leaves a receipt of it at the target. So after a run that
was killed the target itself tells what it has, and no partition is there in part or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import polars as pl

from optimove_pipeline.packages import Window
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step

STAMP = "_partition"
"""The column of tables that holds the key of the partition that a row was last loaded with; views leave it out."""


class Replace(StrEnum):
    """What rows of a table a partition takes the place of."""

    KEYS = "keys"
    """Those of the same key, unless their change column tells that they are newer."""
    PARTITION = "partition"
    """Those of the same partition."""
    ALL = "all"
    """All of them: the partition holds every row. One older than what is there is recorded and changes nothing."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its name and Polars dtype, one of String, Int64, Decimal, Boolean, Date, Datetime(us).

    Datetimes have no zone: they are in UTC for data sets, in the tenant's zone for reports (as in files).
    ``length`` is the most characters of a text, None if it is not bounded.
    """

    name: str
    dtype: pl.DataType
    required: bool = False
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the receiver sees it, columns in the agreed order.

    ``key`` names columns that are never null; where ``unique`` is false several rows may have one key.
    ``changed`` is the column with the moment of a row's last change, ``customer`` that with the customer's id.
    """

    feed: str
    name: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...]
    unique: bool
    replace: Replace
    changed: str | None = None
    customer: str | None = None

    def column(self, name: str) -> TableColumn:
        """Return the column of that name. Raises ``KeyError`` if there is none."""
        return {column.name: column for column in self.columns}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A partition on its way into a table.

    ``source`` is the hash of all that the rows are made of: two loads with the same are the same. ``frames`` yields
    the rows anew at each call, with the table's columns and dtypes, at most 122,880 in one frame. ``forgotten`` are
    ids of customers (text) whose rows must not be in the table any more, from whatever partition.
    """

    table: Table
    partition: str
    source: str
    count: int
    run_id: str
    window: Window | None
    frames: Callable[[], Iterator[pl.DataFrame]]
    forgotten: Collection[str] = ()


class TableTarget(Protocol):
    """A place that takes tables. Every method that connects raises ``TargetError``."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    @property
    def attempts(self) -> int:
        """How often a partition is tried before its delivery fails."""

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the ``source`` of the rows that the target has of a partition; None if it has none of it."""

    def load(self, rows: Rows) -> None:
        """Load a partition whole, with its receipt, or leave all as it was; what is missing is created.

        Loading the same rows again changes nothing. A table that lacks a column gets it, after those it has.
        """

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Carry out the steps of the program, and yield each once it is done. Doing so again changes nothing."""

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Return the steps tried as the receiver would, ending with the first that failed."""
