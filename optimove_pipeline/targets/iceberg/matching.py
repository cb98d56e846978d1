"""Which rows that a table holds give way to those that arrive, and which of those are older than what it holds.

Both are compared by key and change alone, in a DuckDB of its own that spills to disk, so any number fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask
from pyiceberg.table import Table as IcebergTable

from optimove_pipeline.targets.iceberg.files import read
from optimove_pipeline.targets.iceberg.schemas import arrow_schema
from optimove_pipeline.targets.table import STAMP, Replace, Rows, Table

_MEMORY = "256MB"
_ORDINAL, _FILE, _ROW = "_ordinal", "_file", "_row"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The keys of a partition that arrives, beside the rows of a table that they touch.

    DuckDB's tables: ``incoming`` has every row's ordinal, key and change; ``keys`` each key once with its newest
    change; ``touched`` the rows of the table that have such a key, or must go for another reason.
    """

    connection: duckdb.DuckDBPyConnection
    table: Table

    def bounds(self) -> dict[str, tuple[Any, Any]]:
        """Return the lowest and highest value of each column of the key; none where no rows arrive."""
        key = self.table.key
        sql = ", ".join(f"min({_quoted(name)}), max({_quoted(name)})" for name in key)
        row = self.connection.execute(f"SELECT {sql} FROM keys").fetchone() or ()  # noqa: S608 - names of columns
        found = {name: (row[2 * place], row[2 * place + 1]) for place, name in enumerate(key)}
        return {name: pair for name, pair in found.items() if pair[0] is not None}

    def touched(self) -> dict[int, pl.Series]:
        """Return the positions of rows that give way, by the number of their file."""
        rows = self.connection.execute(
            f"SELECT {_FILE}, {_ROW} FROM touched WHERE _must_go OR NOT {self._is_newer('touched')} ORDER BY ALL"  # noqa: S608 - no outside text
        ).pl()
        return {int(part[_FILE][0]): part[_ROW] for part in rows.partition_by(_FILE)}

    def outdated(self) -> pl.Series:
        """Return the ordinals of arriving rows that the table has newer ones of, or that repeat a key."""
        same = " AND ".join(f"t.{_quoted(name)} = i.{_quoted(name)}" for name in self.table.key)
        older = (
            f"SELECT {_ORDINAL} FROM incoming i WHERE EXISTS (SELECT 1 FROM touched t WHERE {same} "  # noqa: S608 - names of columns
            f"AND NOT t._must_go AND {self._is_newer('t')})"
        )
        return self.connection.execute(f"{older}{self._repeated()} ORDER BY ALL").pl()[_ORDINAL]

    def _is_newer(self, alias: str) -> str:
        """Return the condition that the table's rows of a key are newer than those that arrive."""
        if self.table.changed is None:
            return "false"
        held, new = f"{alias}._newest_held", f"{alias}._newest_arriving"
        return f"coalesce({held} > {new}, {held} IS NOT NULL AND {alias}._is_known)"

    def _repeated(self) -> str:
        if not self.table.unique:
            return ""
        key = ", ".join(map(_quoted, self.table.key))
        newest = f"{_quoted(self.table.changed)} DESC NULLS LAST, " if self.table.changed else ""
        return (
            f" UNION SELECT {_ORDINAL} FROM (FROM incoming "  # noqa: S608 - names of columns
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest}{_ORDINAL} DESC) > 1)"
        )


@contextmanager
def compared(rows: Rows) -> Iterator[Comparison]:
    """Yield the keys of a partition, ready to be compared; they are forgotten afterwards."""
    with TemporaryDirectory(prefix="optimove-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _MEMORY,
            "temp_directory": folder,
            "threads": 2,
        }
        with duckdb.connect(config=config) as connection:
            connection.execute("SET preserve_insertion_order = false")
            _keep_keys(connection, rows)
            connection.execute("CREATE TABLE forgotten (id VARCHAR)")
            forgotten = pl.DataFrame({"id": [*rows.forgotten]}, schema={"id": pl.String}).to_arrow()
            connection.register("forgotten_ids", forgotten)
            connection.execute("INSERT INTO forgotten FROM forgotten_ids")
            yield Comparison(connection, rows.table)


def _keep_keys(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Fill ``incoming`` and ``keys``; they stay empty where keys do not matter."""
    table = rows.table
    names = _compared_columns(table)
    empty = pl.DataFrame(schema={name: table.column(name).dtype for name in names}).with_row_index(_ORDINAL)
    connection.register("arriving", empty.cast({_ORDINAL: pl.Int64}).to_arrow())
    connection.execute("CREATE TABLE incoming AS FROM arriving")
    start = 0
    for frame in rows.frames() if table.replace is Replace.KEYS else ():
        numbered = frame.select(names).with_row_index(_ORDINAL, start).cast({_ORDINAL: pl.Int64})
        connection.register("arriving", numbered.to_arrow())
        connection.execute("INSERT INTO incoming FROM arriving")
        start += frame.height
    key = ", ".join(map(_quoted, table.key))
    newest = f"max({_quoted(table.changed)})" if table.changed else "NULL"
    connection.execute(
        f"CREATE TABLE keys AS SELECT {key}, {newest} AS _newest_arriving, true AS _arrives "  # noqa: S608 - names of columns
        f"FROM incoming GROUP BY {key}"
    )


def compare(
    comparison: Comparison, found: IcebergTable, tasks: Sequence[FileScanTask], partition: str | None
) -> None:
    """Read the keys of data files, and keep those rows in ``touched`` that the partition or the forgotten touch.

    Rows loaded with ``partition`` must go, whatever their key.
    """
    table, connection = comparison.table, comparison.connection
    names = list(dict.fromkeys([*_compared_columns(table), *([table.customer] if table.customer else []), STAMP]))
    schema = found.schema().select(*names)
    connection.register("held", _held(found, tasks, schema))
    same = " AND ".join(f"held.{_quoted(name)} = keys.{_quoted(name)}" for name in table.key)
    customer = f"CAST(held.{_quoted(table.customer)} AS VARCHAR)" if table.customer else "NULL"
    change = f"held.{_quoted(table.changed)}" if table.changed else "NULL"
    key = ", ".join(map(_quoted, table.key))
    connection.execute(
        f"""CREATE TABLE touched AS
        SELECT {_FILE}, {_ROW}, {key}, _newest_arriving, _is_known, _must_go,
            max(_change) OVER (PARTITION BY {key}) AS _newest_held
        FROM (
            SELECT held.*, _newest_arriving, {change} AS _change, _arrives IS NOT NULL AS _is_known,
                coalesce({customer} IN (FROM forgotten), false) OR held.{STAMP} IS NOT DISTINCT FROM $1 AS _must_go
            FROM held LEFT JOIN keys ON {same}
        )
        WHERE _is_known OR _must_go""",  # noqa: S608 - names of columns
        [partition],
    )


def _held(found: IcebergTable, tasks: Sequence[FileScanTask], schema: Schema) -> pa.RecordBatchReader:
    arrow = arrow_schema(schema)
    for name in (_FILE, _ROW):
        arrow = arrow.append(pa.field(name, pa.int64()))

    def batches() -> Iterator[pa.RecordBatch]:
        for number, task in enumerate(tasks):
            yield from _numbered(read(found, task, schema), arrow, number)

    return pa.RecordBatchReader.from_batches(arrow, batches())


def _numbered(batches: Iterable[pa.RecordBatch], arrow: Any, file: int) -> Iterator[pa.RecordBatch]:
    place = 0
    for batch in batches:
        end = place + batch.num_rows
        table = pa.Table.from_batches([batch])
        table = table.append_column(_FILE, pl.repeat(file, batch.num_rows, dtype=pl.Int64, eager=True).to_arrow())
        table = table.append_column(_ROW, pl.int_range(place, end, dtype=pl.Int64, eager=True).to_arrow())
        yield from table.cast(arrow).to_batches()
        place = end


def _compared_columns(table: Table) -> list[str]:
    return list(dict.fromkeys([*table.key, *([table.changed] if table.changed else [])]))


def _quoted(name: str | None) -> str:
    escaped = str(name).replace('"', '""')
    return f'"{escaped}"'
