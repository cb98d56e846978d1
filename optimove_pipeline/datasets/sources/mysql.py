"""MySQL and MariaDB as a source: one transaction with a consistent snapshot, its rows from PyMySQL, unbuffered.

Each row comes as one JSON array of texts, which Polars takes apart: half of the CPU time of a text for each value,
and a quarter of that of Python's own values.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.dialects import named_style
from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.datasets.sources.sql import TEXT, Described, Shape, SqlSnapshot
from optimove_pipeline.datasets.sources.statements import column
from optimove_pipeline.errors import ContractError, PartitionError, SettingsError
from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.settings.sources import MySqlSettings

_EXTRA = "mysql"
_BATCH_ROWS = 30_720
_ROW = "row"
_SILENCE_SECONDS = 3600
_NO_DATE = "0000-00-00"
_BINARY = 63
"""The number of the character set of bytes."""
_UNSIGNED = 32
_LOST = {2002, 2003, 2005, 2006, 2013, 1040, 1053, 1205, 1317, 3024, 1969}
"""Errors of the connection, and of statements that were ended: another try may do."""


@contextmanager
def open_mysql(name: str, settings: MySqlSettings) -> Iterator[SqlSnapshot]:
    """Yield a snapshot of a MySQL or MariaDB database.

    Raises:
        SettingsError: the driver is not installed, a secret is missing, or the login is refused.
        PartitionError: the server can't be reached.
    """
    place = f"source {name} (mysql, {settings.host}:{settings.port}/{settings.database})"
    pymysql = driver("pymysql", _EXTRA, place)
    cursors = driver("pymysql.cursors", _EXTRA, place)
    with _told(pymysql.MySQLError, place, "open"):
        connection = pymysql.connect(**_arguments(settings), cursorclass=cursors.SSCursor)
    # From here on a long silence is a long sort; the driver has one time for both, and no setter.
    connection._read_timeout = _SILENCE_SECONDS
    with connection:
        session = MySqlSession(place, connection, pymysql.MySQLError)
        session.execute("SET SESSION time_zone = '+00:00'")
        session.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        taken_at = session.value("SELECT now(6)", "open")
        yield SqlSnapshot(place, taken_at.replace(tzinfo=UTC), session)


def _arguments(settings: MySqlSettings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "user": expand(settings.username),
        "password": reveal(settings.password) if settings.password else "",
        "connect_timeout": max(1, round(settings.timeout_seconds)),
        "read_timeout": settings.timeout_seconds,
        "charset": "utf8mb4",
        "ssl": _tls(settings),
        "ssl_disabled": settings.tls == "disable",
    }


def _tls(settings: MySqlSettings) -> ssl.SSLContext | None:
    if settings.tls == "disable":
        return None
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.tls == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class MySqlSession:
    """One transaction; ``error`` is the driver's error."""

    place: str
    connection: Any = field(repr=False)
    error: type[Exception]
    as_of: str = ""
    dialect: Dialect = field(default_factory=named_style(mysql.dialect))

    def execute(self, sql: str) -> None:
        """Carry out a statement that has no result."""
        with self._cursor("open") as cursor:
            cursor.execute(sql)

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a result."""
        with self._cursor(place) as cursor:
            cursor.execute(sql)
            # The driver keeps what tells numbers with a sign from those without only there.
            fields = cursor._result.fields
        return {each.name: _described(each) for each in fields}

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns: one JSON array of their texts."""
        return [sa.func.json_array(*(_text_of(name, each) for name, each in columns.items())).label(_ROW)]

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows."""
        with self._cursor(place) as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                yield _frame(rows, columns, f"{self.place}: {place}")

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a result, or None."""
        with self._cursor(place) as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None

    @contextmanager
    def _cursor(self, what: str) -> Iterator[Any]:
        with _told(self.error, self.place, what):
            cursor = self.connection.cursor()
            try:
                yield cursor
            except self.error:
                # It and its result would read the rest of the rows, from a connection that may be gone.
                cursor.connection = None
                if cursor._result is not None:
                    cursor._result.unbuffered_active = False
                raise
            finally:
                cursor.close()


def _text_of(name: str, described: Described) -> sa.ColumnElement[Any]:
    if described.shape is Shape.TEXT:
        return sa.func.hex(column(name))
    # Bits have no text of their own.
    bits = described.dtype in (pl.Boolean, pl.UInt64)
    return sa.cast(column(name) + sa.literal_column("0") if bits else column(name), mysql.CHAR(charset="utf8mb4"))


def _frame(rows: Sequence[tuple[str]], columns: dict[str, Described], place: str) -> pl.DataFrame:
    """Return rows of JSON arrays as a frame of typed columns."""
    texts = pl.Series(_ROW, [row[0] for row in rows], pl.String).str.json_decode(pl.List(pl.String))
    frame = texts.list.to_struct(fields=list(columns)).struct.unnest()
    try:
        return frame.select(_typed(name, each.dtype) for name, each in columns.items())
    except pl.exceptions.PolarsError:
        # Its message holds values.
        raise ContractError(
            f"{place}: a date or time that is none, such as 2026-00-00; read such a column as text, by a query"
        ) from None


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(name)
    if dtype == pl.Boolean:
        return text != "0"
    if dtype in (pl.Date, pl.Datetime):
        # What the server itself writes for "no date".
        text = pl.when(~text.str.starts_with(_NO_DATE)).then(text)
    if isinstance(dtype, pl.Datetime):
        moment = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
        return moment.dt.replace_time_zone(dtype.time_zone) if dtype.time_zone else moment
    return text.str.to_date("%Y-%m-%d") if dtype == pl.Date else text.cast(dtype)


def _described(each: Any) -> Described:
    """Return how a column is read, from what the protocol tells of it: type, flags, length and scale."""
    unsigned = bool(each.flags & _UNSIGNED)
    if each.type_code in _INTEGERS:
        return Described(pl.UInt64() if unsigned else pl.Int64())
    if each.type_code in _DECIMALS:
        return Described(pl.Decimal(38, each.scale))
    if each.type_code == _BIT:
        return Described(pl.Boolean()) if each.length == 1 else Described(pl.UInt64())
    if each.type_code in _DTYPES:
        return Described(_DTYPES[each.type_code])
    binary = each.charsetnr == _BINARY and each.type_code in _TEXTS
    return TEXT if binary else Described(pl.String())


_BIT = 16
_INTEGERS = {1, 2, 3, 8, 9, 13}
_DECIMALS = {0, 246}
_TEXTS = {249, 250, 251, 252, 253, 254}
_DTYPES: dict[int, pl.DataType] = {
    4: pl.Float64(),
    5: pl.Float64(),
    7: pl.Datetime("us", "UTC"),
    10: pl.Date(),
    12: pl.Datetime("us"),
}


@contextmanager
def _told(kind: type[Exception], place: str, what: str) -> Iterator[None]:
    try:
        yield
    except kind as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = first_line(error.args[1]) if len(error.args) > 1 else first_line(error)
        if number in _LOST or not number:
            raise PartitionError(f"{place}: {what}: can't be reached, or broke off: {said}") from None
        raise SettingsError(f"{place}: {what}: {said}") from None
    except OSError as error:
        raise PartitionError(f"{place}: {what}: can't be reached: {first_line(error)}") from None
