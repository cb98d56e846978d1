"""The store of an API target: one SQLite file that deliveries write while the server reads it.

Each delivery is a generation. A row carries the generations in which it was born and died; one that lives has no
second one. So a reader that stays with the generation it began with sees the same rows to its end, whatever is
delivered meanwhile. Rows lie in the order of their place: the moment of their change and their key, as text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from optimove_pipeline.sqlite_file import transaction

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS generations (number INTEGER PRIMARY KEY, committed_at REAL NOT NULL)",
    # `purged` is the last generation whose dead rows are gone: older ones can't be read any more.
    "CREATE TABLE IF NOT EXISTS tables (feed TEXT PRIMARY KEY, columns TEXT NOT NULL, purged INTEGER NOT NULL,"
    " forgotten TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS receipts (feed TEXT NOT NULL, partition TEXT NOT NULL, source TEXT NOT NULL,"
    " rows INTEGER NOT NULL, run_id TEXT NOT NULL, since TEXT, until TEXT, loaded_at REAL NOT NULL,"
    " PRIMARY KEY (feed, partition)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS cursor_keys (value TEXT NOT NULL)",
)
MOMENT = "%Y-%m-%dT%H:%M:%S.%6f"
"""How Polars writes the moment that a place begins with; ``moment_text`` does the same."""
APART = "\x1f"
"""Stands between the moment and the key, and between the columns of a key."""

_OWNER_ONLY = 0o600
_PATIENCE_SECONDS = 10.0
_BLOCK = 2_000
_AFTER_ALL = "~"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A partition that the store has."""

    partition: str
    source: str
    rows: int


@dataclass(frozen=True, slots=True)
class State:
    """The newest generation, 0 where nothing is delivered, and what the store has of a table.

    ``purged`` is the last generation whose dead rows are gone, None where nothing of the table was delivered.
    """

    generation: int
    purged: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """The places after ``after`` and before ``before``; None is no bound."""

    after: str | None
    before: str | None


def store_file(data_dir: Path, target: str) -> Path:
    """Return where the store of a target lies, whether or not it is there."""
    return data_dir / "serving" / f"{target}.sqlite"


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection for one turn at the store, which is made where it is not. Raises as ``transaction`` does."""
    with transaction(path, "store of the API", SCHEMA, mode=_OWNER_ONLY) as connection:
        connection.execute(
            "INSERT INTO cursor_keys SELECT ? WHERE NOT EXISTS (SELECT 1 FROM cursor_keys)",
            (Fernet.generate_key().decode(),),
        )
        yield connection


def empty_log(path: Path) -> None:
    """Bring what was written into the store itself, and leave nothing of it in the log beside it.

    While a page is read that can't be done, and is left to the next time.
    """
    with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def open_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that can only read, usable from one thread after the other.

    Raises:
        sqlite3.OperationalError: the store can't be read.
    """
    connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """See the store as it is at the first statement, until the end."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def table_of_rows(feed: str) -> str:
    """Return the name of a feed's table of rows, quoted."""
    return f'"rows_{feed}"'


def moment_text(moment: datetime) -> str:
    """Return a moment (UTC) as places begin with it."""
    # Python's %Y has fewer than four digits before the year 1000.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def state(connection: sqlite3.Connection, feed: str) -> State:
    """Return how far the store has come."""
    (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM generations").fetchone()
    purged = connection.execute("SELECT purged FROM tables WHERE feed = ?", (feed,)).fetchone()
    return State(newest, purged[0] if purged else None)


def committed_at(connection: sqlite3.Connection, generation: int) -> datetime | None:
    """Return when a generation was committed (UTC); None if there is none of that number."""
    found = connection.execute("SELECT committed_at FROM generations WHERE number = ?", (generation,)).fetchone()
    return None if found is None else datetime.fromtimestamp(found[0], UTC)


def held_columns(connection: sqlite3.Connection, feed: str) -> dict[str, str] | None:
    """Return the columns that a table has, with the text of their dtypes; None if nothing of it was delivered."""
    found = connection.execute("SELECT columns FROM tables WHERE feed = ?", (feed,)).fetchone()
    return None if found is None else dict(json.loads(found[0]))


def receipts(connection: sqlite3.Connection, feed: str) -> list[Receipt]:
    """Return what the store has of a feed."""
    query = "SELECT partition, source, rows FROM receipts WHERE feed = ?"
    return [Receipt(*row) for row in connection.execute(query, (feed,))]


def cursor_key(connection: sqlite3.Connection) -> str:
    """Return the key that cursors over this store are sealed with."""
    (key,) = connection.execute("SELECT value FROM cursor_keys").fetchone()
    return str(key)


def rows(
    connection: sqlite3.Connection, feed: str, span: Span, generation: int, most: int
) -> Iterator[list[tuple[bytes, str]]]:
    """Yield blocks of rows as lines of JSON, each with its place, in the order of places."""
    query = (
        f"SELECT line, place FROM {table_of_rows(feed)} WHERE place > ? AND place < ? AND born <= ?"  # noqa: S608 - a feed's name
        " AND (died IS NULL OR died > ?) ORDER BY place LIMIT ?"
    )
    values = (span.after or "", span.before or _AFTER_ALL, generation, generation, most)
    found = connection.execute(query, values)
    while block := found.fetchmany(_BLOCK):
        yield block
