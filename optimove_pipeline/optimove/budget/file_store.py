"""The budget's state in one SQLite file, for all processes of one host."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from optimove_pipeline.errors import BusyError, SettingsError
from optimove_pipeline.optimove.budget.store import PATIENCE_SECONDS, SCHEMA, Transaction, Value

T = TypeVar("T")

_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class FileStore:
    """A file on a local disk (SQLite's shared memory does not work on network file systems).

    ``now`` is the clock, in epoch seconds; all processes of a host share the wall clock. When that is set back, calls
    made before count as made at the latest now: no window is exceeded, no wait is longer than the longest window.
    When it is set forward, calls leave their windows early by as much: nothing in the state tells that from time
    that has passed.

    ``patience``, in seconds, is how long a turn is waited for.
    """

    path: Path
    now: Callable[[], float] = time.time
    patience: float = PATIENCE_SECONDS

    def open(self) -> "FileSession":
        """A session on the file, made with its folder if need be; ``SettingsError`` if that is impossible."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return FileSession(self)
        except (OSError, sqlite3.DatabaseError) as error:
            raise SettingsError(
                f"budget file {self.path}: {error}; expected a place where this user may write a file of its own"
            ) from error


class FileSession:
    """An open budget file."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        # Another thread may close it; only one uses it at a time. No time-out: SQLite's own waits grow to 100 ms.
        self._connection = sqlite3.connect(store.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def run(self, client: str, work: Callable[[Transaction], T]) -> T:
        """``work`` in one transaction; ``BusyError`` if the file stays locked. One file may hold many clients."""
        with self._turn():
            return work(_FileTransaction(self._connection, time.monotonic(), self._store.now()))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _prepare(self) -> None:
        # NORMAL: a power cut may lose the last calls but never breaks the file, and a commit costs no disk flush.
        self._patiently("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._turn():
            for statement in SCHEMA:
                self._connection.execute(statement.format(serial="INTEGER"))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._patiently("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _patiently(self, statement: str) -> None:
        deadline = time.monotonic() + self._store.patience
        while True:
            try:
                self._connection.execute(statement)
            except sqlite3.OperationalError as error:
                if not _is_locked(error):
                    raise
                if time.monotonic() > deadline:
                    raise self._busy() from error
                time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - spreads the tries, guards no secret
            else:
                return

    def _busy(self) -> BusyError:
        return BusyError(
            f"budget file {self._store.path}: locked by another process for {self._store.patience:g} s; "
            "end the process that holds it (`fuser` names it) and run again"
        )


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class _FileTransaction:
    connection: sqlite3.Connection
    read_at: float
    now: float

    def rows(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        with closing(self.connection.execute(sql, values)) as cursor:
            return cursor.fetchall()

    def do(self, sql: str, *values: Value) -> None:
        self.connection.execute(sql, values).close()
