"""The one door to DuckDB: open under the lock, and read what the warehouse holds.

DuckDB lets one process have the file, so every opening waits its turn at a file lock and is kept short: open late,
close in ``finally``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked

Connect = Callable[[Path], AbstractContextManager[DuckDBPyConnection]]

_HELD_ELSEWHERE = re.compile(r"Conflicting lock is held in (?P<program>.+) \(PID (?P<pid>\d+)\)")
_RETRY_SECONDS = 0.2


class Warehouse:
    """A DuckDB file that many processes write, one after the other.

    ``lock_timeout`` is in seconds; ``connect`` opens the file once the lock is held (by default plain DuckDB);
    ``memory_limit`` is DuckDB's, beyond which it spills to disk.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: float = 600,
        connect: Connect | None = None,
        memory_limit: str = "128MB",
    ) -> None:
        self.path = path
        self._lock = path.with_name(f"{path.name}.lock")
        self._lock_timeout = lock_timeout
        self._connect = connect or _connect
        self._options = {
            # A missing extension fails at once with its name, instead of a download in the middle of a run.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory_limit,
        }

    @contextmanager
    def open(self, purpose: str) -> Iterator[DuckDBPyConnection]:
        """Yield a connection that no other process has; ``purpose`` is what those who wait are told.

        Raises:
            BusyError: another process held the lock, or the file itself, for longer than the time-out.
        """
        until = time.monotonic() + self._lock_timeout
        with locked(self._lock, purpose, self._lock_timeout), ExitStack() as stack:
            connection = self._enter(stack, until)
            for name, value in self._options.items():
                connection.execute(f"SET {name} = ?", [value])
            with _interruptible():
                yield connection

    def _enter(self, stack: ExitStack, until: float) -> DuckDBPyConnection:
        while True:
            try:
                return stack.enter_context(self._connect(self.path))
            except duckdb.IOException as error:
                held = _HELD_ELSEWHERE.search(str(error))
                if held is None:
                    raise
                if time.monotonic() >= until:
                    raise BusyError(_busy(self.path, held)) from None
            time.sleep(_RETRY_SECONDS)


@contextmanager
def _connect(path: Path) -> Iterator[DuckDBPyConnection]:
    connection = duckdb.connect(str(path))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise what a signal's handler raised while a query ran: DuckDB hides it behind an error of its own."""
    try:
        yield
    except RuntimeError as error:
        if error.__cause__ is None or isinstance(error.__cause__, Exception):
            raise
        raise error.__cause__ from None


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does, or undo all of it if it fails."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _busy(path: Path, held: re.Match[str]) -> str:
    return (
        f"{path} is open in another program, {held['program']} (process {held['pid']}), and DuckDB lets only one "
        "in: close it there, or let it read a copy, then start again"
    )


def row_counts(connection: DuckDBPyConnection, table: str) -> list[tuple[date, int]]:
    """Return the rows that a table such as ``optimove.promo_codes`` holds of each day, oldest first.

    A table that is not there yet holds no day.
    """
    if not exists(connection, table):
        return []
    query = f"SELECT report_date, count(*) FROM {quoted(table)} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - quoted
    return connection.execute(query).fetchall()


def exists(connection: DuckDBPyConnection, table: str) -> bool:
    """Return whether the warehouse has the table."""
    schema, name = table.split(".")
    query = "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return connection.execute(query, [schema, name]).fetchone() is not None


def quoted(name: str) -> str:
    """Return a name, with its schema if it has one, as SQL takes it whatever its letters."""
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in name.split("."))
