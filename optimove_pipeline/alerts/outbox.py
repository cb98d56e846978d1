"""The outbox: alerts that were raised, and what became of each at each channel, in one SQLite file.

Each step is a transaction that is on the disk when it returns, so a process may be killed at any moment, and several
may raise alerts at once.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import AbstractContextManager
from pathlib import Path

from optimove_pipeline import sqlite_file
from optimove_pipeline.alerts.alert import Alert

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS alerts (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " title TEXT NOT NULL, text TEXT NOT NULL, raised_at REAL NOT NULL, addressed INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS deliveries (alert INTEGER NOT NULL REFERENCES alerts (number) ON DELETE CASCADE,"
    " channel TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,"
    " delivered_at REAL, problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (alert, channel))",
)


def outbox_file(data_dir: Path) -> Path:
    """Return where the outbox of a data directory lies, whether or not it is there."""
    return data_dir / "state" / "alerts.sqlite"


def raise_alert(data_dir: Path, alert: Alert, now: float | None = None) -> bool:
    """Put an alert into the outbox, once for each key; return whether it was the first with its key.

    ``now`` is the moment it is raised, in epoch seconds.

    Raises:
        BusyError: another process kept the outbox for half a minute.
        SettingsError: the outbox can't be written.
    """
    raised_at = time.time() if now is None else now
    with transaction(outbox_file(data_dir)) as connection:
        inserted = connection.execute(
            "INSERT OR IGNORE INTO alerts (key, kind, title, text, raised_at) VALUES (?, ?, ?, ?, ?)",
            (alert.key, alert.kind.value, alert.title, alert.text, raised_at),
        )
        return inserted.rowcount == 1


def transaction(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """Yield a connection for one exclusive turn, committed whole or not at all. Raises as ``raise_alert`` does."""
    return sqlite_file.transaction(path, "alerts file", _SCHEMA)
