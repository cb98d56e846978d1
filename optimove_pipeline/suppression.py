"""The list of forgotten customers, whose rows leave in no package any more (reference on delivery, section 4.5).

Optimove anonymises a customer on request, and the next file that holds the customer would bring it all back. The
list is a SQLite file of its own, which only this user may read.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sqlite_file import transaction

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS suppressed"
    " (id TEXT PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
)
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A forgotten customer: since when (epoch seconds) and why."""

    id: str
    at: float
    reason: str


def suppression_file(data_dir: Path) -> Path:
    """Return where the list of a data directory lies, whether or not it is there."""
    return data_dir / "state" / "suppression.sqlite"


def suppress(data_dir: Path, ids: Iterable[str], reason: str, now: float | None = None) -> int:
    """Add customers to the list, all or none, and return how many are new; the others stay as they were.

    ``now`` is the moment in epoch seconds.

    Raises:
        SettingsError: an id is blank or has blanks around it, or the list can't be used.
        BusyError: another process kept the list for half a minute.
    """
    at = time.time() if now is None else now
    values = [(_checked(each), at, reason) for each in ids]
    with _opened(data_dir) as connection:
        before = connection.total_changes
        connection.executemany("INSERT OR IGNORE INTO suppressed (id, at, reason) VALUES (?, ?, ?)", values)
        return connection.total_changes - before


def release(data_dir: Path, ids: Iterable[str]) -> int:
    """Take customers off the list, and return how many were on it. Raises as ``suppress`` does."""
    values = [(_checked(each),) for each in ids]
    with _opened(data_dir) as connection:
        before = connection.total_changes
        connection.executemany("DELETE FROM suppressed WHERE id = ?", values)
        return connection.total_changes - before


def suppressed(data_dir: Path) -> frozenset[str]:
    """Return the ids of all customers on the list.

    Raises:
        SettingsError: the list can't be read; it never counts as empty then.
        BusyError: another process kept the list for half a minute.
    """
    return frozenset(each.id for each in listed(data_dir))


def listed(data_dir: Path) -> list[Suppressed]:
    """Return the list, the oldest first. Raises as ``suppressed`` does."""
    if not suppression_file(data_dir).exists():
        return []
    with _opened(data_dir) as connection:
        rows = connection.execute("SELECT id, at, reason FROM suppressed ORDER BY at, id")
        return [Suppressed(*row) for row in rows]


def _opened(data_dir: Path) -> AbstractContextManager[sqlite3.Connection]:
    return transaction(suppression_file(data_dir), "list of forgotten customers", _SCHEMA, mode=_OWNER_ONLY)


def _checked(each: str) -> str:
    if not each or each != each.strip():
        raise SettingsError(
            "an id of a customer to forget is blank or has blanks around it: give ids as they are sent"
        )
    return each
