"""Tables of partitions in DuckDB: created from columns, widened by what comes, replaced a partition at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from optimove_pipeline.warehouse import exists, quoted

_STAMPS = {"_loaded_at": "TIMESTAMP", "_run_id": "VARCHAR"}
_WIDER = {frozenset({"BIGINT", "DOUBLE"}): "DOUBLE", frozenset({"DATE", "TIMESTAMP"}): "TIMESTAMP"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of partitions: its name with its schema, and its columns' SQL types.

    ``stamp`` is the column that holds the partition. ``empty`` names columns whose type nobody knows yet, since they
    hold no value. The comments are for readers.
    """

    name: str
    columns: dict[str, str]
    stamp: str
    empty: frozenset[str] = frozenset()
    comment: str = ""
    column_comments: dict[str, str] = field(default_factory=dict)


def types_of(connection: DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return a table's columns with their SQL types; none if there is no such table."""
    if not exists(connection, table):
        return {}
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {quoted(table)}").fetchall()}


def prepare(connection: DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Create the table, or give the one there the columns and types it lacks; return what changed, by column.

    A column whose type differs is widened: integers and numbers to DOUBLE, dates and times to TIMESTAMP, any other
    pair to VARCHAR. Runs in the caller's transaction.
    """
    present = types_of(connection, table.name)
    if not present:
        _create(connection, table)
        return {}
    changes: dict[str, str] = {}
    for name, wanted in (table.columns | _STAMPS).items():
        if name not in present:
            connection.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(name)} {wanted}")
            changes[name] = wanted
        elif name not in table.empty and (wider := _wider(present[name], wanted)) != present[name]:
            connection.execute(f"ALTER TABLE {quoted(table.name)} ALTER {quoted(name)} SET DATA TYPE {wider}")
            changes[name] = wider
    return changes


def replace_partition(
    connection: DuckDBPyConnection,
    table: str,
    stamp: tuple[str, date | str],
    parts: Sequence[Path],
    columns: Sequence[str],
    run_id: str,
) -> int:
    """Replace the rows with a ``stamp`` (column and value) by those of Parquet files; return how many it has now.

    Every part has all of the columns. Runs in the caller's transaction.
    """
    connection.execute(f"DELETE FROM {quoted(table)} WHERE {quoted(stamp[0])} = ?", [stamp[1]])  # noqa: S608 - quoted
    if not parts:
        return 0
    chosen = ", ".join(map(quoted, columns))
    inserted = connection.execute(
        f"INSERT INTO {quoted(table)} BY NAME "  # noqa: S608 - quoted
        f"SELECT {chosen}, ?::TIMESTAMP AS _loaded_at, ? AS _run_id FROM read_parquet(?)",
        [datetime.now(UTC).replace(tzinfo=None), run_id, [str(part) for part in parts]],
    ).fetchone()
    return int(inserted[0]) if inserted else 0


def _create(connection: DuckDBPyConnection, table: Table) -> None:
    columns = (
        f"{quoted(name)} {kind}{' NOT NULL' if name == table.stamp else ''}"
        for name, kind in (table.columns | _STAMPS).items()
    )
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.name.split('.')[0])}")
    connection.execute(f"CREATE TABLE {quoted(table.name)} ({', '.join(columns)})")
    connection.execute(f"COMMENT ON TABLE {quoted(table.name)} IS {_literal(table.comment)}")
    for name, comment in table.column_comments.items():
        connection.execute(f"COMMENT ON COLUMN {quoted(f'{table.name}.{name}')} IS {_literal(comment)}")


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _wider(present: str, wanted: str) -> str:
    if present == wanted:
        return present
    return _WIDER.get(frozenset({present, wanted}), "VARCHAR")
