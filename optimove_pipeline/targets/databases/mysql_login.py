"""Connections to MySQL and MariaDB as one user or the other, and their errors in our words."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.targets.databases.layout import text_of
from optimove_pipeline.targets.databases.mysql_access import DIALECT, literal, quote
from optimove_pipeline.targets.databases.users import User
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings

_EXTRA = "mysql"
_SILENCE_SECONDS = 3600
_LOST = {2002, 2003, 2005, 2006, 2013, 1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1317, 1927, 1969, 3024, 4031}
"""Errors of the connection, of locks and of statements that were ended: another try may do."""
_LOGIN = {1044, 1045, 1129, 1130, 1251, 1698, 1820, 1862, 3118, 3159, 4151}
_NO_RIGHT = {1142, 1143, 1227, 1370}
_MISSING = {1049, 1146}
_VALUES = re.compile(r"(entry|value:?|string:) '(?:.*'(?= for )|.*)", re.DOTALL)
"""What quotes a row's values."""
_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"


@contextmanager
def logged_in(settings: MySqlTargetSettings, user: User, label: str) -> Iterator[MySqlLogin]:
    """Yield a connection; what it changes is kept once it is told to ``commit``.

    Raises:
        SettingsError: the driver is not installed.
        LoginError, UnreachableError: the server refuses the user, or can't be reached.
    """
    pymysql = driver("pymysql", _EXTRA, label)
    from optimove_pipeline.targets.databases.mysql_stream import RowsConnection

    with _told(pymysql.MySQLError, label, "open"):
        connection: Any = RowsConnection(**_arguments(settings, user))
    # From here on a long silence is a long statement; the driver has one time for both, and no setter.
    connection._read_timeout = _SILENCE_SECONDS
    with connection:
        seconds = max(1, round(settings.timeout_seconds))
        login = MySqlLogin(label, settings.database, seconds, connection, pymysql.MySQLError)
        # Else two feeds lock the gaps in the table of receipts that the other is about to fill.
        login.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "open")
        login.execute(f"SET SESSION sql_mode = '{_MODE}', time_zone = '+00:00'", "open")
        login.execute(f"SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}", "open")
        yield login


def _arguments(settings: MySqlTargetSettings, user: User) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "user": user.name,
        "password": user.password,
        "connect_timeout": max(1, round(settings.timeout_seconds)),
        "read_timeout": settings.timeout_seconds,
        "write_timeout": 120,
        "charset": "utf8mb4",
        "local_infile": True,
        "ssl": _tls(settings, user.tls),
        "ssl_disabled": user.tls == "disable",
    }


def _tls(settings: MySqlTargetSettings, tls: str) -> ssl.SSLContext | None:
    if tls == "disable":
        return None
    if tls == "require":
        # It checks nothing, so it loads no certificates, which takes longer than all else of a login.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)


@dataclass(frozen=True, slots=True)
class MySqlLogin:
    """A connection of a user."""

    label: str
    database: str
    wait_seconds: int
    connection: Any = field(repr=False)
    error: type[Exception]

    def execute(self, sql: str, what: str) -> None:
        """Carry out a statement."""
        with _told(self.error, self.label, what), self.connection.cursor() as cursor:
            cursor.execute(sql)

    def execute_secret(self, sql: str, what: str) -> None:
        """Carry out a statement that holds a secret: an error tells its number alone."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
        except self.error as error:
            raise TargetError(f"{self.label}: {what}: the server refuses it (error {_number(error)})") from None

    def send_rows(self, sql: str, rows: bytes, what: str) -> None:
        """Carry out LOAD DATA LOCAL; what the server then only warns of, such as a text that it cut, is an error."""
        with _told(self.error, self.label, what):
            warnings = self.connection.send_rows(sql, rows)
        if warnings:
            level, number, said = self.rows("SHOW WARNINGS", what)[0]
            raise TargetError(f"{self.label}: {what}: {_without_values(said)} ({level} {number})")

    def rows(self, sql: str, what: str) -> list[Sequence[Any]]:
        """Return a result."""
        with _told(self.error, self.label, what), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def row(self, statement: sa.ClauseElement, what: str) -> Sequence[Any]:
        """Return the first row of a result."""
        return self.rows(text_of(statement, DIALECT), what)[0]

    def refuses(self, statement: sa.ClauseElement, what: str) -> bool:
        """Return whether the user has no right to a statement.

        One that fails for another reason is not refused: with other values it might succeed.
        """
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(text_of(statement, DIALECT))
        except self.error as error:
            said = _translated(self.label, what, error)
            if isinstance(said, UnreachableError):
                raise said from None
            return _number(error) in _NO_RIGHT
        finally:
            self.connection.rollback()
        return False

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table or view, in their order."""
        return list(self.types(name))

    def types(self, name: str) -> dict[str, str]:
        """Return the columns of a table or view with their types, in their order."""
        return {row[0]: row[1] for row in self._shown(f"SHOW COLUMNS FROM {quote(name)}")}

    def indexes(self, name: str) -> Collection[str]:
        """Return the names of a table's indexes."""
        return {row[2] for row in self._shown(f"SHOW INDEX FROM {quote(name)}")}

    def is_mariadb(self) -> bool:
        """Return whether the server is MariaDB, and not MySQL."""
        return "MariaDB" in self.rows("SELECT VERSION()", "its version")[0][0]

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Hold what nobody else holds under the same key, until then or until the connection ends."""
        name = literal(f"optimove-pipeline {hashlib.sha1(f'{self.database}.{key}'.encode()).hexdigest()}")  # noqa: S324 - a name of 64 characters at most, no secret
        if self.rows(f"SELECT GET_LOCK({name}, {self.wait_seconds})", key)[0][0] != 1:
            raise UnreachableError(f"{self.label}: {key}: another load holds it for too long")
        yield
        self.execute(f"DO RELEASE_LOCK({name})", key)

    def commit(self) -> None:
        """Make all of it visible."""
        with _told(self.error, self.label, "commit"):
            self.connection.commit()

    def _shown(self, sql: str) -> Sequence[Any]:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except self.error as error:
            if _number(error) in _MISSING:
                return []
            raise _translated(self.label, "its catalogue", error) from None


def _number(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _without_values(said: object) -> str:
    # First the values, for they may hold any word and line break themselves.
    return first_line(_VALUES.sub(r"\1 …", str(said)).partition(" near ")[0])


def _translated(label: str, what: str, error: Exception) -> TargetError:
    """Return a driver's error in our words: worth another try or not, and never with values of rows."""
    number, said = _number(error), _without_values(error.args[1] if len(error.args) > 1 else error)
    if number in _LOST or not number:
        return UnreachableError(f"{label}: {what}: can't be reached, or broke off: {said}")
    if number in _LOGIN:
        return LoginError(f"{label}: the server says: {said}; check user, password, database and tls")
    if number in _NO_RIGHT:
        return TargetError(f"{label}: {what}: {said}: the user lacks a right")
    if number in _MISSING:
        return TargetError(f"{label}: {what}: {said}: it is not set up yet")
    return TargetError(f"{label}: {what}: {said} ({number})")


@contextmanager
def _told(kind: type[Exception], label: str, what: str) -> Iterator[None]:
    try:
        yield
    except kind as error:
        raise _translated(label, what, error) from None
    except OSError as error:
        raise UnreachableError(f"{label}: {what}: can't be reached: {first_line(error)}") from None
