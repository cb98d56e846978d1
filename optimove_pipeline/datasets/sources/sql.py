"""The snapshot of a database: its statements built here, carried out by a session of the database's own driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.elements import quoted_name

from optimove_pipeline.datasets.sources.source import BATCH_ROWS, Origin, Selection
from optimove_pipeline.datasets.sources.statements import (
    AS_OF,
    column,
    compiled,
    count_of,
    nothing_of,
    question,
    rows_of,
)
from optimove_pipeline.errors import SettingsError


class Shape(StrEnum):
    """How the values of a column are asked for."""

    PLAIN = "plain"
    """As they are."""
    TEXT = "text"
    """Cast to text: they have no dtype of their own, or lose something on their way."""
    JSON = "json"
    """As text with JSON: they are nested."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column of a result: the dtype that it is read as, and how it is asked for."""

    dtype: pl.DataType
    shape: Shape = Shape.PLAIN


TEXT = Described(pl.String(), Shape.TEXT)
JSON = Described(pl.String(), Shape.JSON)


class Session(Protocol):
    """What a database's driver does; errors are told as ``Snapshot`` says.

    ``as_of`` is what stands behind a table's name to see it at the moment of the view, empty where the whole session
    does.
    """

    @property
    def dialect(self) -> Dialect:
        """SQLAlchemy's dialect of the database."""

    @property
    def as_of(self) -> str:
        """What stands behind the name of a table."""

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a statement's result."""

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns."""

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows with these columns, in the driver's own batches."""

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a statement's first row, or None."""


@dataclass(frozen=True, slots=True)
class SqlSnapshot:
    """A database seen through one session."""

    place: str
    taken_at: datetime
    session: Session
    known: dict[Origin, dict[str, Described]] = field(default_factory=dict)

    def keeps_days(self, origin: Origin) -> bool:
        """Return False: rows that changed since then are only there as they are now."""
        return False

    def columns(self, origin: Origin) -> dict[str, pl.DataType]:
        """Return the columns of a table or query with their dtypes."""
        return {name: described.dtype for name, described in self._described(origin).items()}

    def count(self, selection: Selection) -> int:
        """Return how many rows a selection has."""
        sql = compiled(count_of(selection, self.session.as_of), self.session.dialect)
        return int(self.session.value(sql, selection.origin.place))

    def read(self, selection: Selection) -> Iterator[pl.DataFrame]:
        """Yield the rows in frames of at most ``BATCH_ROWS`` rows."""
        described = self._described(selection.origin)
        columns = {name: described[name] for name in selection.columns}
        statement = rows_of(selection, self.session.expressions(columns), self.session.as_of)
        sql = compiled(statement, self.session.dialect)
        dtypes = {name: each.dtype for name, each in columns.items()}
        for frame in self.session.frames(sql, columns, selection.origin.place):
            yield from frame.cast(dtypes).iter_slices(BATCH_ROWS)  # type: ignore[arg-type]

    def first_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """Return the first value of a query, or None."""
        return self.session.value(compiled(question(sql, parameters), self.session.dialect), "the query")

    def _described(self, origin: Origin) -> dict[str, Described]:
        if origin not in self.known:
            if self.session.as_of and origin.query is not None and AS_OF not in origin.query:
                raise SettingsError(
                    f"{self.place}: the query: expected {AS_OF} behind the name of each table, so that all of it is "
                    "read as of one moment"
                )
            sql = compiled(nothing_of(origin, self.session.as_of), self.session.dialect)
            self.known[origin] = self.session.described(sql, origin.place)
        return self.known[origin]


def selected(
    columns: dict[str, Described], as_json: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
) -> list[sa.ColumnElement[Any]]:
    """Return what is selected for columns, each under its own name; ``as_json`` makes JSON of nested values."""
    return [
        _selected(name, each.shape, as_json).label(quoted_name(name, quote=True)) for name, each in columns.items()
    ]


def _selected(
    name: str, shape: Shape, as_json: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
) -> sa.ColumnElement[Any]:
    if shape is Shape.PLAIN:
        return column(name)
    return sa.cast(as_json(column(name)) if shape is Shape.JSON else column(name), sa.UnicodeText())


def plain(dtype: pl.DataType) -> Described:
    """Return how a column is asked for whose Arrow values Polars reads as ``dtype``."""
    if dtype.is_nested():
        return JSON
    if dtype.is_numeric() or dtype in _TAKEN or isinstance(dtype, pl.Datetime):
        return Described(pl.Datetime("us", dtype.time_zone) if isinstance(dtype, pl.Datetime) else dtype)
    return TEXT


_TAKEN = (pl.String, pl.Boolean, pl.Date)
