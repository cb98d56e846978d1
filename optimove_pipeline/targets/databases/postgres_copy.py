"""One transaction of PostgreSQL that takes rows by ADBC's binary COPY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from optimove_pipeline.datasets.sources.drivers import driver
from optimove_pipeline.targets.databases.layout import bare, quoted, rows_name, rows_table, text_of
from optimove_pipeline.targets.databases.loading import is_empty, is_not_newer
from optimove_pipeline.targets.databases.postgres_access import DIALECT, place_of
from optimove_pipeline.targets.databases.postgres_login import (
    EXTRA,
    arguments,
    lock_statement,
    of_login,
    session_statements,
    translated,
)
from optimove_pipeline.targets.databases.users import loader
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline.targets.table import STAMP, Rows, Table

_STAGED = "_staged"


@contextmanager
def copying(settings: PostgresTargetSettings, label: str, table: Table) -> Iterator[PostgresCopy]:
    """Yield a transaction that alone loads a table; it is committed at the end, or nothing of it stays.

    Raises:
        SettingsError: the driver is not installed.
        TargetError: the server did not take it.
    """
    adbc = driver("adbc_driver_postgresql.dbapi", EXTRA, label)
    user = loader(settings)
    try:
        connection = adbc.connect(address(settings))
    except adbc.Error as error:
        raise of_login(label, user.name, str(error)) from None
    with connection:
        transaction = PostgresCopy(f"{label}: {table.name}", settings, connection, adbc.Error)
        for statement in (*session_statements(settings), lock_statement(f"{settings.schema_name}.{table.name}")):
            transaction.run(statement)
        yield transaction
        transaction.commit()


@dataclass(frozen=True, slots=True)
class PostgresCopy:
    """An open transaction."""

    label: str
    settings: PostgresTargetSettings
    connection: Any = field(repr=False)
    error: type[Exception]

    def execute(self, statement: sa.ClauseElement) -> None:
        """Carry out a statement that has no result."""
        self.run(text_of(statement, DIALECT))

    def run(self, sql: str) -> None:
        """Carry out a statement's text."""
        with self._told(), self.connection.cursor() as cursor:
            cursor.execute(sql)

    def values(self, statement: sa.ClauseElement) -> list[Any]:
        """Return the first column of a result."""
        with self._told(), self.connection.cursor() as cursor:
            cursor.execute(text_of(statement, DIALECT))
            return pl.DataFrame(cursor.fetch_arrow()).to_series().to_list()

    def append(self, rows: Rows) -> None:
        """Copy all rows straight into the feed's table."""
        stamp = pl.lit(rows.partition, pl.String).alias(STAMP)
        for frame in rows.frames():
            self._copy(frame.with_columns(stamp), rows_name(rows.table), self.settings.schema_name)

    def merge(self, rows: Rows, held: Sequence[str]) -> None:
        """Copy all rows into a table of this transaction, and put them into the feed's by key from there.

        An empty table takes them straight, as years of history may come.
        """
        if is_empty(rows.table, place_of(self.settings), self):
            self.append(rows)
            return
        self.execute(sa.schema.CreateTable(self._staged(rows.table)))
        for frame in rows.frames():
            self._copy(frame, _STAGED, "pg_temp")
        self.execute(self._merged(rows, held))

    def commit(self) -> None:
        """Make all of it visible."""
        with self._told():
            self.connection.commit()

    def _copy(self, frame: pl.DataFrame, name: str, schema: str) -> None:
        with self._told(), self.connection.cursor() as cursor:
            cursor.adbc_ingest(name, frame, mode="append", db_schema_name=schema)

    def _staged(self, table: Table) -> sa.Table:
        columns = rows_table(table, place_of(self.settings)).columns
        return sa.Table(
            _STAGED,
            sa.MetaData(),
            *(sa.Column(quoted(each.name), each.type) for each in columns if each.name != STAMP),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DROP",
        )

    def _merged(self, rows: Rows, held: Sequence[str]) -> sa.Insert:
        table, place = rows.table, place_of(self.settings)
        target, staged = bare(rows_name(table), held, place), self._staged(table)
        stamped = sa.literal(rows.partition, sa.String())
        insert = postgresql.insert(target).from_select(
            [*staged.columns.keys(), STAMP], sa.select(*staged.columns, stamped)
        )
        values = {name: insert.excluded[name] for name in held if name not in table.key}
        newer = is_not_newer(target.c[table.changed], insert.excluded[table.changed]) if table.changed else None
        return insert.on_conflict_do_update(index_elements=list(table.key), set_=values, where=newer)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self.error as error:
            raise translated(self.label, "load", error) from None


def address(settings: PostgresTargetSettings) -> str:
    """Return libpq's address of the database as the user that loads; it holds the password."""
    user = loader(settings)
    parameters = {**arguments(settings, user), "user": user.name, "password": user.password}
    return f"postgresql://?{urlencode(parameters, quote_via=quote)}"
