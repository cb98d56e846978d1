"""The ledger: the record of every file delivered, in one SQLite file.

Each step is a transaction that is on the disk when it returns, so a process may be killed at any moment, and several
may write at once. Nothing is ever removed. ``ops.deliveries`` in DuckDB is a copy of it for people.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from optimove_pipeline.partition_keys import Month, partition_key, partition_of
from optimove_pipeline.sqlite_file import transaction


class State(StrEnum):
    """How far a file has come."""

    PLANNED = "planned"
    """Nothing was sent yet."""
    SENDING = "sending"
    """Begun, and not known to have ended."""
    VERIFIED = "verified"
    """Whole at the target, and about to be shown to the receiver: the last step was begun, or will be."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Not delivered, and the last try has ended with an error."""
    DROPPED = "dropped"
    """Will not be sent: the package was made anew before it was, or a redelivery took its place."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file on its way to a target. Times are in epoch seconds.

    ``day`` is a datetime (UTC, without a zone) where the feed's partitions are hours. ``version`` counts the
    deliveries of a partition to a target: 1, and one more for each redelivery, whose ``reason`` is kept. ``part`` is
    its number within the package, from 1, and 0 for the manifest. ``problem`` is the last error.
    """

    id: str
    target: str
    feed: str
    day: date
    version: int
    part: int
    name: str
    rows: int
    bytes: int
    sha256: str
    run_id: str
    state: State = State.PLANNED
    attempts: int = 0
    reason: str | None = None
    problem: str | None = None
    planned_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None


COLUMNS = tuple(field.name for field in fields(Entry))

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, target TEXT NOT NULL, feed TEXT NOT NULL,"
    " day TEXT NOT NULL, version INTEGER NOT NULL, part INTEGER NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, run_id TEXT NOT NULL, state TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, reason TEXT, problem TEXT, planned_at REAL NOT NULL, started_at REAL,"
    " finished_at REAL, revision INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS deliveries_of_day ON deliveries (target, feed, day)",
    "CREATE INDEX IF NOT EXISTS deliveries_by_name ON deliveries (target, name)",
    "CREATE UNIQUE INDEX IF NOT EXISTS deliveries_by_revision ON deliveries (revision)",
)
_NEXT = "(SELECT coalesce(max(revision), 0) + 1 FROM deliveries)"
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM deliveries"  # noqa: S608 - names of our own
_INSERT = f"INSERT INTO deliveries ({', '.join(COLUMNS)}, revision) VALUES ({'?, ' * len(COLUMNS)}{_NEXT})"  # noqa: S608
_ROWS_BY_DAY = """
WITH versions AS (
    SELECT day, target, version, sum(rows) AS rows, min(state = :delivered) AS whole
    FROM deliveries WHERE feed = :feed AND day >= :since AND part > 0 AND state <> :dropped
    GROUP BY day, target, version
)
SELECT day, max(rows) FROM versions AS newest
WHERE whole AND version = (SELECT max(version) FROM versions WHERE day = newest.day AND target = newest.target)
GROUP BY day ORDER BY day
"""
_STATES = {"delivered": State.DELIVERED, "dropped": State.DROPPED}
_DELIVERED_DAYS = """
WITH newest AS (
    SELECT day, target, feed, max(version) AS version
    FROM deliveries WHERE state <> ? AND day >= ? AND feed IN ({feeds})
    GROUP BY day, target, feed
)
SELECT day, max(finished_at) FROM deliveries JOIN newest USING (day, target, feed, version)
WHERE state <> ? GROUP BY day HAVING min(state = ?) ORDER BY day
"""


def ledger_file(data_dir: Path) -> Path:
    """Return where the ledger of a data directory lies, whether or not it is there."""
    return data_dir / "state" / "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger in the file ``path``.

    Every method raises ``BusyError`` if another process keeps the file for half a minute, and ``SettingsError`` if it
    can't be used.
    """

    path: Path

    def newest(self, target: str, feed: str, day: date) -> list[Entry]:
        """Return the files of the newest version of a feed's day, parts in order and then the manifest."""
        of_day = "target = ? AND feed = ? AND day = ? AND state <> ?"
        newest = f"SELECT max(version) FROM deliveries WHERE {of_day}"  # noqa: S608 - names of our own
        query = f"{_SELECT} WHERE {of_day} AND version = ({newest}) ORDER BY part = 0, part"
        values = (target, feed, partition_key(day), State.DROPPED)
        with self._transaction() as connection:
            return [_entry(row) for row in connection.execute(query, values * 2)]

    def unfinished(self, target: str) -> list[Entry]:
        """Return the files of which something may lie at the target, though they are not known to be delivered."""
        query = f"{_SELECT} WHERE target = ? AND state IN (?, ?)"
        with self._transaction() as connection:
            rows = connection.execute(query, (target, State.SENDING, State.VERIFIED))
            return [_entry(row) for row in rows]

    def was_begun_before(self, entry: Entry) -> bool:
        """Return whether an earlier plan began to send a file of that name there, and never ended it well."""
        query = (
            "SELECT coalesce(sum(attempts), 0) > 0 AND coalesce(sum(state = ?), 0) = 0 FROM deliveries"
            " WHERE target = ? AND name = ? AND id <> ?"
        )
        with self._transaction() as connection:
            values = (State.DELIVERED, entry.target, entry.name, entry.id)
            return bool(connection.execute(query, values).fetchone()[0])

    def rows_by_day(self, feed: str, since: date) -> dict[date, int]:
        """Return the rows that were delivered of each day or hour of a feed from the day ``since`` on.

        Those of the newest version, where all of its parts are delivered; of several targets the most rows.
        """
        with self._transaction() as connection:
            found = connection.execute(_ROWS_BY_DAY, {"feed": feed, "since": since.isoformat(), **_STATES})
            return {partition: rows for key, rows in found if not isinstance(partition := partition_of(key), Month)}

    def delivered_days(self, feeds: Collection[str], since: date) -> dict[date, float]:
        """Return the days and hours from ``since`` on of which all is delivered that was planned of any feed.

        With each comes the moment, in epoch seconds, at which the last of its files was.
        """
        query = _DELIVERED_DAYS.format(feeds=", ".join("?" * len(feeds)))
        values = (State.DROPPED, since.isoformat(), *feeds, State.DROPPED, State.DELIVERED)
        with self._transaction() as connection:
            found = connection.execute(query, values)
            return {partition: at for key, at in found if not isinstance(partition := partition_of(key), Month)}

    def plan(self, entries: Iterable[Entry], instead_of: Iterable[Entry] = ()) -> list[Entry]:
        """Record files that are to be sent, all or none, and that others will not be; return the new ones."""
        planned_at = time.time()
        planned = [replace(entry, planned_at=planned_at) for entry in entries]
        with self._transaction() as connection:
            for entry in instead_of:
                _update(connection, replace(entry, state=State.DROPPED, finished_at=planned_at))
            for entry in planned:
                connection.execute(_INSERT, _values(entry))
        return planned

    def begin(self, entry: Entry, run_id: str) -> Entry:
        """Record that a try begins; a file that was verified stays so, since its last step may have been done."""
        state = State.VERIFIED if entry.state is State.VERIFIED else State.SENDING
        now = time.time()
        return self._record(
            replace(entry, state=state, run_id=run_id, attempts=entry.attempts + 1, started_at=now, finished_at=None)
        )

    def verify(self, entry: Entry) -> Entry:
        """Record that a file is whole at the target, right before it is shown to the receiver."""
        return self._record(replace(entry, state=State.VERIFIED))

    def restart(self, entry: Entry) -> Entry:
        """Record that a verified file is known not to have been shown, and is sent again."""
        return self._record(replace(entry, state=State.SENDING))

    def deliver(self, entry: Entry) -> Entry:
        """Record that a file is delivered."""
        return self._record(replace(entry, state=State.DELIVERED, problem=None, finished_at=time.time()))

    def fail(self, entry: Entry, problem: str, *, in_doubt: bool) -> Entry:
        """Record an error; a verified file stays so where it is ``in_doubt`` whether its last step was done."""
        state = State.VERIFIED if entry.state is State.VERIFIED and in_doubt else State.FAILED
        return self._record(replace(entry, state=state, problem=problem, finished_at=time.time()))

    def changed_since(self, revision: int) -> list[tuple[int, Entry]]:
        """Return the files whose record changed after a revision, with the revision of each, oldest first."""
        query = f"SELECT revision, {', '.join(COLUMNS)} FROM deliveries WHERE revision > ? ORDER BY revision"  # noqa: S608
        with self._transaction() as connection:
            return [(row[0], _entry(row[1:])) for row in connection.execute(query, (revision,))]

    def revision(self) -> int:
        """Return the number of the last change; 0 if there was none."""
        with self._transaction() as connection:
            return int(connection.execute("SELECT coalesce(max(revision), 0) FROM deliveries").fetchone()[0])

    def _record(self, entry: Entry) -> Entry:
        with self._transaction() as connection:
            _update(connection, entry)
        return entry

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self.path, "ledger", _SCHEMA)


def new_id() -> str:
    """Return an id for a new entry."""
    return uuid.uuid4().hex


def _update(connection: sqlite3.Connection, entry: Entry) -> None:
    changing = ("state", "attempts", "run_id", "problem", "started_at", "finished_at")
    sets = ", ".join(f"{name} = ?" for name in changing)
    statement = f"UPDATE deliveries SET {sets}, revision = {_NEXT} WHERE id = ?"  # noqa: S608 - names of our own
    connection.execute(statement, [*(getattr(entry, name) for name in changing), entry.id])


def _values(entry: Entry) -> list[object]:
    return [partition_key(entry.day) if name == "day" else getattr(entry, name) for name in COLUMNS]


def _entry(row: Iterable[object]) -> Entry:
    values = dict(zip(COLUMNS, row, strict=True))
    return Entry(**{**values, "day": partition_of(str(values["day"])), "state": State(str(values["state"]))})  # type: ignore[arg-type]
