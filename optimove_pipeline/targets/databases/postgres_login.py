"""Connections to PostgreSQL as one user or the other, and its errors in our words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.targets.databases.layout import text_of
from optimove_pipeline.targets.databases.postgres_access import DIALECT, literal
from optimove_pipeline.targets.databases.users import User
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings

EXTRA = "postgres"
_REFUSED = ("authentication failed", "does not exist", "pg_hba.conf", "certificate", "not permitted to log in")
_NO_RIGHT = "42501"
_MISSING = {"3F000", "42P01"}
_LOST = {"08", "40", "53", "57", "58"}
_LOCKED = "55P03"
_BEFORE_DETAIL = re.compile(r"^(?:DETAIL|CONTEXT):", re.MULTILINE)
_SILENCE = {"keepalives_idle": 60, "keepalives_interval": 15, "keepalives_count": 4, "tcp_user_timeout": 120_000}


def arguments(settings: PostgresTargetSettings, user: User) -> dict[str, str | int]:
    """Return libpq's parameters of a connection, without user and password."""
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.database,
        "sslmode": user.tls,
        "client_encoding": "UTF8",
        "connect_timeout": max(2, round(settings.timeout_seconds)),
        **_SILENCE,
        **({"sslrootcert": str(settings.ca_file)} if settings.ca_file else {}),
    }


def session_statements(settings: PostgresTargetSettings) -> list[str]:
    """Return what is set first: waits for locks, when a client that is gone is noticed, how texts are written."""
    milliseconds = round(settings.timeout_seconds * 1000)
    return [
        f"SET lock_timeout = {milliseconds}",
        "SET tcp_keepalives_idle = 60",
        "SET tcp_keepalives_interval = 15",
        "SET standard_conforming_strings = on",
    ]


@contextmanager
def logged_in(settings: PostgresTargetSettings, user: User, label: str) -> Iterator[PostgresLogin]:
    """Yield a connection on which each statement is a transaction of its own, unless ``alone`` is used.

    Raises:
        SettingsError: the driver is not installed.
        LoginError, UnreachableError: the server refuses the user, or can't be reached.
    """
    psycopg = driver("psycopg", EXTRA, label)
    parameters = arguments(settings, user)
    try:
        connection = psycopg.connect(user=user.name, password=user.password, autocommit=True, **parameters)
    except psycopg.Error as error:
        raise of_login(label, user.name, str(error)) from None
    with connection:
        login = PostgresLogin(label, settings.schema_name, connection, psycopg.Error)
        login.execute(session_statements(settings), "open")
        yield login


@dataclass(frozen=True, slots=True)
class PostgresLogin:
    """A connection of a user."""

    label: str
    schema: str
    connection: Any = field(repr=False)
    error: type[Exception]

    def execute(self, statements: Sequence[str], what: str) -> None:
        """Carry out statements in one transaction."""
        with self._told(what), self.connection.transaction():
            for statement in statements:
                self.connection.execute(statement)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Hold one transaction in which nobody else makes tables under the same key."""
        with self._told(key), self.connection.transaction():
            self.connection.execute(lock_statement(key))
            yield

    def values(self, statement: sa.ClauseElement, what: str) -> list[Any]:
        """Return the first column of a result."""
        with self._told(what):
            return [row[0] for row in self.connection.execute(text_of(statement, DIALECT)).fetchall()]

    def row(self, statement: sa.ClauseElement, what: str) -> Sequence[Any]:
        """Return the first row of a result."""
        with self._told(what):
            return tuple(self.connection.execute(text_of(statement, DIALECT)).fetchone())

    def refuses(self, statement: sa.ClauseElement, what: str) -> bool:
        """Return whether the user has no right to a statement, even if it allows itself to write.

        One that fails for another reason is not refused: with other values it might succeed.
        """
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("SET TRANSACTION READ WRITE")
                self.connection.execute(text_of(statement, DIALECT))
        except self.error as error:
            said = translated(self.label, what, error)
            if isinstance(said, UnreachableError):
                raise said from None
            return state_of(error) == _NO_RIGHT
        return False

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table or view of the schema, in their order."""
        return list(self.types(name))

    def types(self, name: str) -> dict[str, str]:
        """Return the columns of a table or view with their types, in their order."""
        sql = (
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute JOIN pg_class ON pg_class.oid = "
            "attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relname = %s "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        return dict(self._told_rows(sql, self.schema, name))

    def indexes(self, name: str) -> Collection[str]:
        """Return the names of a table's indexes."""
        sql = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
        return self._names(sql, self.schema, name)

    def has_schema(self) -> bool:
        """Return whether the schema is there."""
        return bool(self._names("SELECT nspname FROM pg_namespace WHERE nspname = %s", self.schema))

    def has_role(self, name: str) -> bool:
        """Return whether there is a user of that name."""
        return bool(self._names("SELECT rolname FROM pg_roles WHERE rolname = %s", name))

    def verifier(self, user: User) -> str:
        """Return what the server keeps in place of a password, so that no statement holds the password itself."""
        verifier = self.connection.pgconn.encrypt_password(
            user.password.encode(), user.name.encode(), b"scram-sha-256"
        )
        return str(verifier.decode())

    def _names(self, sql: str, *values: str) -> list[str]:
        return [row[0] for row in self._told_rows(sql, *values)]

    def _told_rows(self, sql: str, *values: str) -> list[Any]:
        with self._told("its catalogue"):
            return list(self.connection.execute(sql, values).fetchall())

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except self.error as error:
            raise translated(self.label, what, error) from None


def lock_statement(key: str) -> str:
    """Return what waits until nobody else holds a key, for the rest of the transaction."""
    return f"SELECT pg_advisory_xact_lock(hashtextextended({literal(f'optimove-pipeline {key}')}, 0))"


def state_of(error: Exception) -> str:
    """Return the SQLSTATE; empty if the server did not tell one."""
    return str(getattr(error, "sqlstate", "") or "")


def of_login(label: str, user: str, told: str) -> TargetError:
    """Return the error of a connection that was not made; the library's own words may hold the address."""
    refused = next((phrase for phrase in _REFUSED if phrase in told), None)
    if refused is None:
        return UnreachableError(f"{label}: can't be reached: is the server up, and does it let this machine in?")
    return LoginError(
        f"{label}: the server refuses {user}: {refused}; check user, password, database, tls, addresses"
    )


def translated(label: str, what: str, error: Exception) -> TargetError:
    """Return a driver's error in our words: worth another try or not, and never with values of rows."""
    # What follows in the text may hold values of rows, and a value may be any word.
    state, told = state_of(error), _BEFORE_DETAIL.split(str(error))[0].rpartition("ERROR:")
    is_refused, said = bool(told[1]), first_line(told[2])
    if state == _LOCKED:
        return UnreachableError(f"{label}: {what}: another transaction holds it for too long; is it being changed?")
    if state[:2] in _LOST or not (state or is_refused):
        return UnreachableError(f"{label}: {what}: broke off: {said}")
    if state == _NO_RIGHT:
        return TargetError(f"{label}: {what}: {said}: the user lacks a right")
    if state in _MISSING:
        return TargetError(f"{label}: {what}: {said}: it is not set up yet")
    return TargetError(f"{label}: {what}: {said}")
