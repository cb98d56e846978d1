"""Records in a SQLite file that several processes write, one after the other.

Each turn is a transaction that is on the disk when it ends, so a process may be killed at any moment.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from optimove_pipeline.errors import BusyError, SettingsError

PATIENCE_SECONDS = 30.0
"""How long another process's turn at the file is waited for; turns last milliseconds."""

_POLL_SECONDS = 0.01


@contextmanager
def transaction(path: Path, what: str, schema: Sequence[str], *, mode: int = 0o666) -> Iterator[sqlite3.Connection]:
    """Yield a connection for one exclusive turn, committed whole or not at all.

    ``what`` is what messages call the file; ``schema`` are statements that make its tables where they are not there;
    ``mode`` are the rights that a new file gets, less those that the process's umask takes.

    Raises:
        BusyError: another process kept the file for half a minute.
        SettingsError: the file can't be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode)
        with closing(_connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in schema:
                connection.execute(statement)
            yield connection
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            busy = f"{path} has been busy for {PATIENCE_SECONDS:g} s: end the process that uses it"
            raise BusyError(busy) from error
        raise _unusable(path, what, error) from error
    except (OSError, sqlite3.DatabaseError) as error:
        raise _unusable(path, what, error) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file in WAL mode; SQLite does not wait by itself for another process that is just switching to it."""
    # Autocommit, so that the transaction is ours to begin: at once for writing, which waits its turn.
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return connection


def _unusable(path: Path, what: str, error: Exception) -> SettingsError:
    return SettingsError(f"{what} {path}: {error}; expected a place where this user may write a file of its own")
