"""The statements that put staged rows in the place of those that they replace, and leave the receipt of it.

They are the inside of one transaction, so none of them is DDL. Rows are deleted and inserted, not merged: several
rows may have one key, and then a merge would be refused.
"""

# ruff: noqa: S608 - names go through quoted, texts through literal

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.targets.snowflake.names import STAMP_NAME, Names, literal, quoted
from optimove_pipeline.targets.table import Replace, Rows, Table

LOADED, FORGOTTEN = quoted("_LOADED"), quoted("_FORGOTTEN")
"""Temporary tables of the session: the rows of the partition, and the ids of forgotten customers."""
ID = "ID"


def replacing(names: Names, rows: Rows) -> list[str]:
    """Return what replaces rows, as the table's ``replace`` says."""
    table = rows.table
    match table.replace:
        case Replace.KEYS:
            return [_delete_older(names, table), _insert(names, rows, _where_none_is_newer(names, table))]
        case Replace.PARTITION:
            same = f"WHERE {quoted(STAMP_NAME)} = {literal(rows.partition)}"
            return [f"DELETE FROM {names.table(table.name)} {same}", _insert(names, rows)]
        case Replace.ALL:
            return [f"DELETE FROM {names.table(table.name)}", _insert(names, rows)]


def forgetting(names: Names, table: Table) -> list[str]:
    """Return what deletes the rows of forgotten customers, of whatever partition."""
    if table.customer is None:
        return []
    ids = f"SELECT {quoted(ID)} FROM {FORGOTTEN}"
    return [f"DELETE FROM {names.table(table.name)} WHERE TO_VARCHAR({quoted(table.customer)}) IN ({ids})"]


def receipt(names: Names, rows: Rows) -> list[str]:
    """Return what records that the partition was loaded."""
    window = rows.window
    bounds = [window.start.isoformat(), window.end.isoformat()] if window else [None, None]
    values = [rows.table.feed, rows.partition, rows.source, rows.count, rows.run_id, *bounds]
    return [
        f"DELETE FROM {names.receipts} WHERE {_of(rows.table.feed, rows.partition)}",
        f"INSERT INTO {names.receipts} SELECT {', '.join(map(_value, values))}, SYSDATE()",
    ]


def source_of(names: Names, feed: str, partition: str) -> str:
    """Return what asks for the receipt of a partition."""
    return f"SELECT {quoted('SOURCE')} FROM {names.receipts} WHERE {_of(feed, partition)}"


def newest_partition(names: Names, feed: str) -> str:
    """Return what asks for the newest partition that was loaded of a feed; ``newest`` is null if none was."""
    return (
        f"SELECT MAX({quoted('PARTITION')}) AS {quoted('NEWEST')} FROM {names.receipts} "
        f"WHERE {quoted('FEED')} = {literal(feed)}"
    )


def _delete_older(names: Names, table: Table) -> str:
    """Delete all rows of the keys that are given no older than they are held."""
    keys = _list(table.key)
    alike = " AND ".join(f"held.{key} = given.{key}" for key in map(quoted, table.key))
    own = quoted(table.name)
    same = " AND ".join(f"{own}.{key} = won.{key}" for key in map(quoted, table.key))
    if table.changed is None:
        won = f"SELECT DISTINCT {keys} FROM {LOADED}"
    else:
        newest = f"MAX({quoted(table.changed)}) AS newest"
        won = (
            f"SELECT {', '.join(f'given.{quoted(key)}' for key in table.key)}\n"
            f"  FROM (SELECT {keys}, {newest} FROM {LOADED} GROUP BY {keys}) AS given\n"
            f"  JOIN (SELECT {keys}, {newest} FROM {names.table(table.name)} GROUP BY {keys}) AS held ON {alike}\n"
            "  WHERE held.newest IS NULL OR given.newest >= held.newest"
        )
    return f"DELETE FROM {names.table(table.name)} USING (\n  {won}\n) AS won WHERE {same}"


def _where_none_is_newer(names: Names, table: Table) -> str:
    same = " AND ".join(f"held.{key} = given.{key}" for key in map(quoted, table.key))
    return f"\nWHERE NOT EXISTS (SELECT 1 FROM {names.table(table.name)} AS held WHERE {same})"


def _insert(names: Names, rows: Rows, where: str = "") -> str:
    columns = _list([column.name for column in rows.table.columns])
    return (
        f"INSERT INTO {names.table(rows.table.name)} ({columns}, {quoted(STAMP_NAME)})\n"
        f"SELECT {columns}, {literal(rows.partition)} FROM {LOADED} AS given{where}"
    )


def _of(feed: str, partition: str) -> str:
    return f"{quoted('FEED')} = {literal(feed)} AND {quoted('PARTITION')} = {literal(partition)}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _value(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else literal(value)
