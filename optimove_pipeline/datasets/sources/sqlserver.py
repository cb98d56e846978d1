"""SQL Server as a source: one transaction of snapshot isolation, its rows as Arrow from Microsoft's driver.

No SQL Server runs where this is tested: its statements are compared as text, and the driver is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.arrow import described_by, frames_of
from optimove_pipeline.datasets.sources.dialects import named_style
from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.datasets.sources.source import BATCH_ROWS
from optimove_pipeline.datasets.sources.sql import Described, SqlSnapshot, selected
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.settings.sources import SqlServerSettings

_EXTRA = "sqlserver"
_NOT_ALLOWED = "snapshot isolation"

Tls = Literal["disable", "require", "verify-full"]


@contextmanager
def open_sqlserver(name: str, settings: SqlServerSettings) -> Iterator[SqlSnapshot]:
    """Yield a snapshot of a SQL Server database.

    Raises:
        SettingsError: the driver is not installed, a secret is missing, the login is refused, or the database does
            not allow snapshot isolation.
        PartitionError: the server can't be reached.
    """
    place = f"source {name} (sqlserver, {settings.host}:{settings.port}/{settings.database})"
    mssql_python = driver("mssql_python", _EXTRA, place)
    driver("pyarrow", _EXTRA, place)
    with _told(mssql_python.Error, place, "open"):
        password = reveal(settings.password) if settings.password else ""
        server = f"{settings.host},{settings.port}"
        where = address(server, settings.database, settings.tls, expand(settings.username), password)
        connection = mssql_python.connect(where, timeout=round(settings.timeout_seconds))
    with connection:
        session = SqlServerSession(place, connection, mssql_python.Error)
        session.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        # The first statement that reads data is what fixes the view.
        session.execute("SELECT count(*) FROM sys.tables")
        taken_at = session.value("SELECT SYSUTCDATETIME()", "open")
        yield SqlSnapshot(place, taken_at.replace(tzinfo=UTC), session)


def address(server: str, database: str, tls: Tls, username: str, password: str) -> str:
    """Return what the driver connects with; ``server`` is the host and, after a comma, its port."""
    given = {
        "Server": f"tcp:{server}",
        "Database": database,
        "UID": username,
        "PWD": password,
        "Encrypt": "no" if tls == "disable" else "yes",
        "TrustServerCertificate": "no" if tls == "verify-full" else "yes",
    }
    return ";".join(f"{key}={{{value.replace('}', '}}')}}}" for key, value in given.items())


@dataclass(frozen=True, slots=True)
class SqlServerSession:
    """One transaction; ``error`` is the driver's error."""

    place: str
    connection: Any = field(repr=False)
    error: type[Exception]
    as_of: str = ""
    dialect: Dialect = field(default_factory=named_style(mssql.dialect, deprecate_large_types=True))

    def execute(self, sql: str) -> None:
        """Carry out a statement whose result nobody wants."""
        with _told(self.error, self.place, "open"), self.connection.cursor() as cursor:
            cursor.execute(sql)

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a result."""
        with _told(self.error, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return described_by(cursor.arrow())

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns; nothing is nested here."""
        return selected(columns, lambda nested: nested)

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows."""
        with _told(self.error, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            yield from frames_of(cursor.arrow_reader(batch_size=BATCH_ROWS))

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a result, or None."""
        with _told(self.error, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None


@contextmanager
def _told(kind: type[Exception], place: str, what: str) -> Iterator[None]:
    try:
        yield
    except kind as error:
        said = first_line(error)
        if _NOT_ALLOWED in said.lower():
            raise SettingsError(
                f"{place}: the database allows no snapshots: ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON"
            ) from None
        if type(error).__name__ == "OperationalError":
            raise PartitionError(f"{place}: {what}: can't be reached, or broke off: {said}") from None
        raise SettingsError(f"{place}: {what}: {said}") from None
