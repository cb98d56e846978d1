"""Watermarks: up to which change a data set is delivered to a target and verified, in the ledger's file.

A watermark is the end of the unbroken run of partitions delivered: it waits where one is missing, and passes those
after it once that one is there. Each move is kept, so that it can be told which run moved a watermark, and when.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from optimove_pipeline.ledger_records import Records

WATERMARKS = Records(
    "watermarks", {"feed": "TEXT", "target": "TEXT", "until": "REAL", "run_id": "TEXT", "moved_at": "REAL"}
)

DELIVERED = Records("delivered_windows", {"feed": "TEXT", "target": "TEXT", "since": "REAL", "until": "REAL"})
"""The time of each partition that a target has whole; ``since`` is 0 where none need be there before it."""


def watermark(path: Path, feed: str, target: str) -> datetime | None:
    """Return the end (UTC, exclusive) of the last window of a feed that a target has whole; None if there is none.

    ``path`` is the ledger's file.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    with WATERMARKS.opened(path) as connection:
        return _newest(connection, feed, target)


def move(
    path: Path,
    feed: str,
    target: str,
    until: datetime,
    run_id: str,
    now: float | None = None,
    *,
    since: datetime | None = None,
) -> bool:
    """Note that a target has a partition whole, and move the watermark on; return whether it moved, never back.

    The partition's own time is from ``since`` to ``until`` (with their zones). The watermark moves if it has come to
    ``since`` at least, which is None where nothing need be there before; and then on over all that follow unbroken.
    ``now`` is the moment in epoch seconds. Raises as ``watermark`` does.
    """
    for moment in (until, since):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"{moment} has no zone")
    with DELIVERED.opened(path) as connection:
        DELIVERED.add(connection, feed, target, since.timestamp() if since else 0.0, until.timestamp())
    with WATERMARKS.opened(path) as connection:
        held = _newest(connection, feed, target)
        reached = _end_of_unbroken(connection, feed, target, held.timestamp() if held else 0.0)
        if reached == (held.timestamp() if held else 0.0):
            return False
        WATERMARKS.add(connection, feed, target, reached, run_id, time.time() if now is None else now)
        return True


def _end_of_unbroken(connection: sqlite3.Connection, feed: str, target: str, start: float) -> float:
    query = "SELECT max(until) FROM delivered_windows WHERE feed = ? AND target = ? AND since <= ?"
    reached, found = start, connection.execute(query, (feed, target, start)).fetchone()[0]
    while found is not None and found > reached:
        reached, found = found, connection.execute(query, (feed, target, found)).fetchone()[0]
    return reached


def _newest(connection: sqlite3.Connection, feed: str, target: str) -> datetime | None:
    query = "SELECT max(until) FROM watermarks WHERE feed = ? AND target = ?"
    found = connection.execute(query, (feed, target)).fetchone()[0]
    return None if found is None else datetime.fromtimestamp(found, UTC)
