"""Loading a partition into the store: a new generation of its table, in one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable

from optimove_pipeline.serving.rendering import StoreRow, partition_moment, store_rows
from optimove_pipeline.serving.store import APART, Receipt, held_columns, receipts, state, table_of_rows
from optimove_pipeline.targets.table import Replace, Rows, Table

_CACHE_KIB = 65_536


def load(connection: sqlite3.Connection, rows: Rows, decimals: str, kept_seconds: float, now: float) -> None:
    """Load a partition in the transaction that is open.

    Rows that died over ``kept_seconds`` before ``now`` (epoch seconds) are removed for good.

    Raises:
        SettingsError: the settings make the change column text.
    """
    feed = rows.table.feed
    _prepare(connection, rows.table)
    held = receipts(connection, feed)
    _forget(connection, rows)
    if any(each.partition == rows.partition and each.source == rows.source for each in held):
        return
    if rows.table.replace is not Replace.ALL or not _is_newer(held, rows.partition):
        _purge(connection, feed, now - kept_seconds)
        generation = state(connection, feed).generation + 1
        _retire(connection, rows, generation)
        _add(connection, rows, decimals, generation)
        _note_columns(connection, rows.table)
        connection.execute("INSERT INTO generations VALUES (?, ?)", (generation, now))
    _note_receipt(connection, rows, now)


def _prepare(connection: sqlite3.Connection, table: Table) -> None:
    feed, name = table.feed, table_of_rows(table.feed)
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten too
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (place TEXT NOT NULL, key TEXT NOT NULL, customer TEXT,"
        " line BLOB NOT NULL, born INTEGER NOT NULL, died INTEGER, PRIMARY KEY (place, born)) WITHOUT ROWID"
    )
    if table.replace is Replace.KEYS:
        connection.execute(f'CREATE INDEX IF NOT EXISTS "living_{feed}" ON {name} (key) WHERE died IS NULL')
    connection.execute(f'CREATE INDEX IF NOT EXISTS "dead_{feed}" ON {name} (died) WHERE died IS NOT NULL')
    connection.execute("INSERT OR IGNORE INTO tables VALUES (?, '{}', 0, '')", (feed,))


def _is_newer(held: Iterable[Receipt], partition: str) -> bool:
    return any(each.partition > partition for each in held)


def _forget(connection: sqlite3.Connection, rows: Rows) -> None:
    """Remove rows of forgotten customers, of all generations; the table is gone through when the list has changed."""
    feed, ids = rows.table.feed, sorted(rows.forgotten)
    listed = hashlib.sha256(json.dumps(ids).encode()).hexdigest()
    (known,) = connection.execute("SELECT forgotten FROM tables WHERE feed = ?", (feed,)).fetchone()
    if listed == known:
        return
    connection.create_function("is_forgotten", 1, frozenset(ids).__contains__, deterministic=True)
    connection.execute(f"DELETE FROM {table_of_rows(feed)} WHERE is_forgotten(customer)")  # noqa: S608 - a feed's name
    connection.execute("UPDATE tables SET forgotten = ? WHERE feed = ?", (listed, feed))


def _purge(connection: sqlite3.Connection, feed: str, before: float) -> None:
    query = "SELECT max(number) FROM generations WHERE committed_at < ?"
    (last,) = connection.execute(query, (before,)).fetchone()
    if last is None:
        return
    gone = connection.execute(f"DELETE FROM {table_of_rows(feed)} WHERE died <= ?", (last,)).rowcount  # noqa: S608
    if gone:
        connection.execute("UPDATE tables SET purged = ? WHERE feed = ?", (last, feed))


def _retire(connection: sqlite3.Connection, rows: Rows, generation: int) -> None:
    """End the lives of the rows whose place a partition takes as a whole."""
    update = f"UPDATE {table_of_rows(rows.table.feed)} SET died = ? WHERE died IS NULL"  # noqa: S608
    match rows.table.replace:
        case Replace.ALL:
            connection.execute(update, (generation,))
        case Replace.PARTITION:
            start = partition_moment(rows.partition)
            span = (start + APART, start + chr(ord(APART) + 1))
            connection.execute(f"{update} AND place >= ? AND place < ?", (generation, *span))
        case Replace.KEYS:
            pass


def _add(connection: sqlite3.Connection, rows: Rows, decimals: str, generation: int) -> None:
    name = table_of_rows(rows.table.feed)
    held = held_columns(connection, rows.table.feed) or {}
    insert = f"INSERT OR REPLACE INTO {name} SELECT ?1, ?2, ?3, ?4, {generation}, NULL"
    if rows.table.replace is Replace.KEYS:
        # One that still lives is newer, or the very same.
        insert += f" WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE key = ?2 AND died IS NULL)"  # noqa: S608
    for block in store_rows(rows, held, decimals):
        if rows.table.replace is Replace.KEYS:
            _retire_older(connection, name, block, generation)
        connection.executemany(insert, block)


def _retire_older(connection: sqlite3.Connection, name: str, block: list[StoreRow], generation: int) -> None:
    """End the lives of rows of the same keys, unless they are newer or the very same."""
    connection.executemany(
        f"UPDATE {name} SET died = {generation} WHERE key = ?2 AND died IS NULL"  # noqa: S608 - a feed's name
        " AND (place < ?1 OR (place = ?1 AND line <> ?3))",
        ((place, key, line) for place, key, _, line in block),
    )


def _note_columns(connection: sqlite3.Connection, table: Table) -> None:
    columns = held_columns(connection, table.feed) or {}
    columns |= {column.name: str(column.dtype) for column in table.columns}
    connection.execute("UPDATE tables SET columns = ? WHERE feed = ?", (json.dumps(columns), table.feed))


def _note_receipt(connection: sqlite3.Connection, rows: Rows, now: float) -> None:
    window = rows.window
    since, until = (window.start.isoformat(), window.end.isoformat()) if window else (None, None)
    values = (rows.table.feed, rows.partition, rows.source, rows.count, rows.run_id, since, until, now)
    connection.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
