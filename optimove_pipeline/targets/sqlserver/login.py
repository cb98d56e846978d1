"""Connections to a SQL Server database, and its errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.datasets.sources.sqlserver import address
from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.targets.databases.layout import Place, bare, name_of, quoted, text_of
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.sqlserver import SqlServerTargetSettings
from optimove_pipeline.targets.sqlserver.dialect import DIALECT

EXTRA = "sqlserver"
_LOGIN_TIMEOUT = 103
"""ODBC's SQL_ATTR_LOGIN_TIMEOUT."""
_VALUES = re.compile(
    r"(duplicate key value is|truncated value:|n?(?:var)?char value) (?:'|\().*", re.DOTALL | re.IGNORECASE
)
"""What quotes a row's values, and all after it."""
_OF_A_COLUMN = ("COLUMN_NAME", "DATA_TYPE", "NUMERIC_PRECISION", "NUMERIC_SCALE")
_DENIED = "permission was denied"
_REFUSED = ("login failed", "invalid authorization")
_WORTH_A_TRY = ("deadlock", "lock request time out", "serialization failure", "io error", "timed out", "timeout")


@dataclass(frozen=True, slots=True)
class SqlServerLogin:
    """A connection of a user, which commits each statement unless a transaction was begun."""

    label: str
    settings: SqlServerTargetSettings
    connection: Any = field(repr=False)
    error: type[Exception]

    def run(self, text: str, what: str, *, secret: bool = False) -> list[Sequence[Any]]:
        """Carry out a statement, and return its rows; of one that holds a secret no error is quoted."""
        with self.told(what, secret=secret), self.connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall()) if cursor.description else []

    def execute(self, statements: Sequence[str], what: str) -> None:
        """Carry out statements that have no result."""
        for statement in statements:
            self.run(statement, what)

    def values(self, statement: sa.ClauseElement, what: str) -> list[Any]:
        """Return the first column of a result."""
        return [row[0] for row in self.run(text_of(statement, DIALECT), what)]

    def row(self, statement: sa.ClauseElement, what: str) -> Sequence[Any]:
        """Return the first row of a result."""
        return self.run(text_of(statement, DIALECT), what)[0]

    def refuses(self, statement: sa.ClauseElement, what: str) -> bool:
        """Return whether the server refuses a statement for want of a right; what it does is undone."""
        self.run("BEGIN TRANSACTION", what)
        try:
            self.run(text_of(statement, DIALECT), what)
        except LoginError:
            return True
        finally:
            self.run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION", what)
        return False

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table or view in their order; none if it is not there."""
        return list(self.types(name))

    def types(self, name: str) -> dict[str, str]:
        """Return the columns of a table or view with their types, in their order."""
        known = _view("COLUMNS", "TABLE_SCHEMA", "TABLE_NAME", "ORDINAL_POSITION", *_OF_A_COLUMN)
        found = sa.select(*(known.columns[each] for each in _OF_A_COLUMN)).order_by(known.c.ORDINAL_POSITION)
        own = found.filter_by(TABLE_SCHEMA=self.settings.schema_name, TABLE_NAME=name)
        rows = self.run(text_of(own, DIALECT), name)
        return {column: f"{kind}({digits},{places})" for column, kind, digits, places in rows}

    def indexes(self, name: str) -> list[str]:
        """Return the names of a table's indexes."""
        place = name_of(bare(name, [], Place(quoted(self.settings.schema_name), {})), DIALECT)
        query = f"SELECT name FROM sys.indexes WHERE object_id = OBJECT_ID({literal(place)}) AND name IS NOT NULL"  # noqa: S608 - a literal
        return [row[0] for row in self.run(query, name)]

    def has(self, catalogue: str, name: str) -> bool:
        """Return whether something of a name is in a view of the catalogue, such as sys.schemas."""
        query = f"SELECT count(*) FROM {catalogue} WHERE name = {literal(name)}"  # noqa: S608 - a literal
        return bool(self.run(query, name)[0][0])

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Wait until no other process of ours changes the same thing, and keep them out.

        Raises:
            UnreachableError: another did for longer than the settings wait.
        """
        resource, milliseconds = literal(f"{self.settings.schema_name}.{what}"), self.settings.timeout_seconds * 1000
        taken = self.run(
            f"DECLARE @taken int; EXEC @taken = sp_getapplock @Resource = {resource}, @LockMode = 'Exclusive', "
            f"@LockOwner = 'Session', @LockTimeout = {milliseconds:.0f}; SELECT @taken",
            what,
        )
        if taken[0][0] < 0:
            raise UnreachableError(f"{self.label}: {what}: another process changes it")
        yield
        self.run(f"EXEC sp_releaseapplock @Resource = {resource}, @LockOwner = 'Session'", what)

    @contextmanager
    def transaction(self, what: str) -> Iterator[None]:
        """Commit at the end; an error ends the connection, and the server undoes what was done."""
        self.run("SET XACT_ABORT ON", what)
        self.run("BEGIN TRANSACTION", what)
        yield
        self.run("COMMIT TRANSACTION", what)

    @contextmanager
    def told(self, what: str, *, secret: bool = False) -> Iterator[None]:
        """Tell the driver's errors in our words."""
        try:
            yield
        except (self.error, RuntimeError, ValueError) as error:
            raise _worded(f"{self.label}: {what}", error, secret=secret) from None


@contextmanager
def logged_in(
    settings: SqlServerTargetSettings, username: str, password: str | None, label: str
) -> Iterator[SqlServerLogin]:
    """Yield a connection of a user; ``password`` is the reference to its password.

    Raises:
        SettingsError: the driver is not installed, or a secret is missing.
        LoginError: the login is refused.
        UnreachableError: the server can't be reached.
    """
    mssql_python = driver("mssql_python", EXTRA, label)
    driver("pyarrow", EXTRA, label)
    server, secret = f"{settings.host},{settings.port}", reveal(password) if password else ""
    where = address(server, settings.database, settings.tls, expand(username), secret)
    wait = {_LOGIN_TIMEOUT: round(settings.timeout_seconds)}
    # A pooled connection would keep locks and transactions after it was closed.
    mssql_python.pooling(enabled=False)
    try:
        connection = mssql_python.connect(where, autocommit=True, attrs_before=wait)
    except mssql_python.Error as error:
        raise _worded(f"{label}: log in as {username}", error) from None
    login = SqlServerLogin(label, settings, connection, mssql_python.Error)
    try:
        login.run("SET LANGUAGE us_english", "language of messages")
        yield login
    finally:
        connection.close()


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return text_of(sa.literal(text, sa.Unicode()), DIALECT)


def _view(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(each, sa.Unicode()) for each in columns), schema="INFORMATION_SCHEMA")


def _without_values(error: object) -> str:
    return first_line(_VALUES.sub(r"\1 …", str(error)))


def _worded(what: str, error: Exception, *, secret: bool = False) -> TargetError:
    said, kind = str(error).lower(), type(error).__name__
    told = kind if secret else _without_values(error)
    if any(sign in said for sign in _REFUSED):
        return LoginError(f"{what}: the login is refused; check user and password")
    if _DENIED in said:
        return LoginError(f"{what}: {told}")
    if kind == "OperationalError" or any(sign in said for sign in _WORTH_A_TRY):
        return UnreachableError(f"{what}: can't be reached, or broke off: {told}")
    return TargetError(f"{what}: {told}")
