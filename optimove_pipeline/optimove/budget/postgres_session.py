"""A connection to the budget's database. Imports psycopg, so it is imported only where it is used."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import psycopg

from optimove_pipeline.errors import BusyError, SettingsError
from optimove_pipeline.optimove.budget.store import SCHEMA, Transaction, Value

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[tuple[Value, ...]]

_CONNECT_SECONDS = 10
_STUCK_SECONDS = 10.0
"""A holder that stops in its turn (suspended, cut off) is ended by the server after this long."""


class PostgresSession:
    """A connection to the budget's database, renewed when it was lost between two turns."""

    def __init__(self, dsn: str, patience: float) -> None:
        self._dsn = dsn
        self._patience = patience
        self._connection = _connect(dsn)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def run(self, client: str, work: Callable[[Transaction], T]) -> T:
        """``work`` in one transaction; done again on a new connection if the old one was lost.

        A turn whose commit was lost on the way may so be done twice, which wastes one call and exceeds nothing.
        """
        try:
            return self._run(client, work)
        except psycopg.OperationalError:
            if not self._connection.closed:
                raise
        self._connection = _connect(self._dsn)
        return self._run(client, work)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _run(self, client: str, work: Callable[[Transaction], T]) -> T:
        with self._turn(f"optimove-budget {client}"):
            read_at = time.monotonic()
            return work(_PostgresTransaction(self._connection, read_at, _clock(self._connection)))

    def _prepare(self) -> None:
        try:
            with self._turn("optimove-budget tables"):
                self._make_tables()
        except psycopg.errors.InsufficientPrivilege as error:
            raise SettingsError(
                f"budget database: {error}; expected a user that may create the tables optimove_budget_*, "
                "or select, insert, update and delete in them"
            ) from error

    def _make_tables(self) -> None:
        # Looking first lets a user without the right to create tables use those that somebody made for it.
        found = self._connection.execute("SELECT to_regclass('optimove_budget_tickets') IS NOT NULL").fetchone()
        if found != (True,):
            for statement in SCHEMA:
                self._connection.execute(statement.format(serial="BIGINT GENERATED ALWAYS AS IDENTITY").encode())

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        try:
            with self._connection.pipeline(), self._connection.transaction():
                self._lock(name)
                yield
        except psycopg.errors.LockNotAvailable as error:
            raise BusyError(
                f"budget database: another process held the lock {name!r} for {self._patience:g} s; "
                "end its session (see pg_locks, locktype advisory) and run again"
            ) from error

    def _lock(self, name: str) -> None:
        self._connection.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            (f"{self._patience * 1000:.0f}ms", f"{_STUCK_SECONDS:.0f}s"),
        )
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_number(name),)).fetchall()


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _connect(dsn: str) -> Connection:
    try:
        settings = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The cause quotes the string, and with it perhaps the password.
        raise SettingsError(
            "budget database: the connection string can't be read; expected postgresql://user@host:port/database"
        ) from None
    try:
        connection = psycopg.connect(dsn, autocommit=True, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        place = f"{settings.get('host', 'the local socket')}, database {settings.get('dbname', 'of the user')}"
        raise SettingsError(
            f"budget database at {place}: {error}; expected a PostgreSQL that accepts this user"
        ) from None
    # A stricter level would show the state as it was before the turn was waited for.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def _clock(connection: Connection) -> float:
    rows = connection.execute("SELECT extract(epoch FROM clock_timestamp())::double precision").fetchall()
    return cast(float, rows[0][0])


@dataclass(frozen=True, slots=True)
class _PostgresTransaction:
    connection: Connection
    read_at: float
    now: float

    def rows(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        return self.connection.execute(sql.replace("?", "%s").encode(), values).fetchall()

    def do(self, sql: str, *values: Value) -> None:
        self.connection.execute(sql.replace("?", "%s").encode(), values)
