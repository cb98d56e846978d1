"""Watermarks: up to which change a data set is delivered to a target and verified, in the ledger's file.

Each move is kept, so that it can be told which run moved a watermark, and when.
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


def watermark(path: Path, feed: str, target: str) -> datetime | None:
    """Return the end (UTC, exclusive) of the last window of a feed that a target has whole; None if there is none.

    ``path`` is the ledger's file.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    with WATERMARKS.opened(path) as connection:
        return _newest(connection, feed, target)


def move(path: Path, feed: str, target: str, until: datetime, run_id: str, now: float | None = None) -> bool:
    """Move a watermark on to ``until`` (with its zone); return whether it moved: it never goes back.

    ``now`` is the moment in epoch seconds. Raises as ``watermark`` does.
    """
    if until.tzinfo is None:
        raise ValueError(f"{until} has no zone")
    with WATERMARKS.opened(path) as connection:
        held = _newest(connection, feed, target)
        if held is not None and until <= held:
            return False
        moved_at = time.time() if now is None else now
        WATERMARKS.add(connection, feed, target, until.timestamp(), run_id, moved_at)
        return True


def _newest(connection: sqlite3.Connection, feed: str, target: str) -> datetime | None:
    query = "SELECT max(until) FROM watermarks WHERE feed = ? AND target = ?"
    found = connection.execute(query, (feed, target)).fetchone()[0]
    return None if found is None else datetime.fromtimestamp(found, UTC)
