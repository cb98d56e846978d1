"""Rows into SQL Server: bulk copy into a stage table, and from there in one transaction into the feed's table.

The driver's bulk copy has a connection of its own, so it takes no part in a transaction and sees no temporary table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.targets.databases.layout import Place, name_of, quoted, rows_table, text_of
from optimove_pipeline.targets.databases.replacing import Staged, added, replaced_keys, staged
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.sqlserver.dialect import DIALECT
from optimove_pipeline.targets.sqlserver.login import SqlServerLogin
from optimove_pipeline.targets.table import STAMP, Rows, Table


@dataclass(frozen=True, slots=True)
class SqlServerTransaction:
    """A transaction that takes a partition's rows from a stage table."""

    login: SqlServerLogin
    partition: Staged

    def execute(self, statement: sa.ClauseElement) -> None:
        """Carry out a statement that has no result."""
        self.login.run(text_of(statement, DIALECT), self._what)

    def values(self, statement: sa.ClauseElement) -> list[Any]:
        """Return the first column of a result."""
        return self.login.values(statement, self._what)

    def append(self, rows: Rows) -> None:
        """Add all rows to the feed's table."""
        self.execute(added(self.partition))

    def merge(self, rows: Rows, held: Sequence[str]) -> None:
        """Put all rows into the feed's table in place of those of their keys, unless these are newer."""
        for statement in replaced_keys(self.partition):
            self.execute(statement)

    @property
    def _what(self) -> str:
        return f"load {self.partition.rows.table.name}"


@contextmanager
def transaction(login: SqlServerLogin, rows: Rows, place: Place) -> Iterator[SqlServerTransaction]:
    """Yield a transaction whose rows lie in a stage table; it is committed at the end.

    Raises:
        TargetError: the rows did not arrive, and nothing was changed.
    """
    stage = _stage(rows.table, place)
    drop = text_of(DropTable(stage, if_exists=True), DIALECT)
    what = f"stage {rows.table.name}"
    login.execute([drop, text_of(CreateTable(stage), DIALECT)], what)
    _copy(login, rows, name_of(stage, DIALECT), what)
    with login.transaction(what):
        yield SqlServerTransaction(login, staged(rows, stage.name, place, place))
    login.run(drop, what)


def _copy(login: SqlServerLogin, rows: Rows, stage: str, what: str) -> None:
    names, problems = [column.name for column in rows.table.columns], list[PipelineError]()
    batches = _batches(rows, names, problems)
    with login.told(what), login.connection.cursor() as cursor:
        copied = cursor.bulkcopy_arrow(
            stage, batches, timeout=0, column_mappings=names, table_lock=True, keep_nulls=True
        )
    if problems:
        raise problems[0]
    if copied["rows_copied"] != rows.count:
        raise TargetError(f"{login.label}: {what}: {copied['rows_copied']:,} rows arrived, expected {rows.count:,}")


def _batches(rows: Rows, names: Sequence[str], problems: list[PipelineError]) -> Iterator[pa.RecordBatch]:
    """Yield the rows; what ends them early is noted, for the driver would make a text of it."""
    empty = pl.DataFrame(schema={column.name: column.dtype for column in rows.table.columns})
    yield pa.RecordBatch.from_pylist([], schema=_arrow(empty).schema)
    try:
        for frame in rows.frames():
            yield from _arrow(frame.select(names)).to_batches()
    except PipelineError as error:
        problems.append(error)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _stage(table: Table, place: Place) -> sa.Table:
    columns = [column for column in rows_table(table, place).columns if column.name != STAMP]
    return sa.Table(
        # No table of rows is called so, whatever its feed's is.
        quoted(f"__stage_{table.name}"),
        sa.MetaData(),
        *(sa.Column(quoted(column.name), column.type) for column in columns),
        schema=place.schema,
    )
