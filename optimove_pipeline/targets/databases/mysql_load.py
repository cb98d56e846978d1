"""One transaction of MySQL or MariaDB that takes rows by LOAD DATA LOCAL, or by INSERT where that is forbidden.

The rows of a partition that goes in by key wait in a temporary table, for LOAD DATA knows no condition; making that
table does not end the transaction, as other statements on tables do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from optimove_pipeline.targets.databases.layout import Place, bare, quoted, rows_name, rows_table, text_of
from optimove_pipeline.targets.databases.loading import is_empty, is_not_newer
from optimove_pipeline.targets.databases.mysql_access import DIALECT, quote
from optimove_pipeline.targets.databases.mysql_login import MySqlLogin
from optimove_pipeline.targets.databases.mysql_text import LINES, as_lines, as_tuples
from optimove_pipeline.targets.table import STAMP, Rows, Table

_STAGED = "_staged"
_INSERT_CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class MySqlLoad:
    """An open transaction; ``local`` says whether the server takes LOAD DATA LOCAL."""

    login: MySqlLogin
    place: Place
    what: str
    local: bool

    def execute(self, statement: sa.ClauseElement) -> None:
        """Carry out a statement that has no result."""
        self.login.execute(text_of(statement, DIALECT), self.what)

    def values(self, statement: sa.ClauseElement) -> list[Any]:
        """Return the first column of a result."""
        return [row[0] for row in self.login.rows(text_of(statement, DIALECT), self.what)]

    def append(self, rows: Rows) -> None:
        """Add all rows straight to the feed's table."""
        stamp = pl.lit(rows.partition, pl.String).alias(STAMP)
        for frame in rows.frames():
            self._put(frame.with_columns(stamp), rows_name(rows.table))

    def merge(self, rows: Rows, held: Sequence[str]) -> None:
        """Put all rows into a table of this connection, and by key into the feed's from there.

        An empty table takes them straight, as years of history may come.
        """
        if is_empty(rows.table, self.place, self):
            self.append(rows)
            return
        self.execute(CreateTable(self._staged(rows.table)))
        for frame in rows.frames():
            self._put(frame, _STAGED)
        self.execute(self._merged(rows, held))

    def _put(self, frame: pl.DataFrame, table: str) -> None:
        columns = ", ".join(map(quote, frame.columns))
        if self.local:
            sql = f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {quote(table)} CHARACTER SET utf8mb4 {LINES} ({columns})"
            self.login.send_rows(sql, as_lines(frame), self.what)
            return
        for tuples in as_tuples(frame, _INSERT_CHARACTERS):
            insert = f"INSERT INTO {quote(table)} ({columns}) VALUES {tuples}"  # noqa: S608 - values are escaped
            self.login.execute(insert, self.what)

    def _staged(self, table: Table) -> sa.Table:
        return sa.Table(
            _STAGED,
            sa.MetaData(),
            *(
                sa.Column(quoted(each.name), each.type)
                for each in rows_table(table, self.place).columns
                if each.name != STAMP
            ),
            prefixes=["TEMPORARY"],
            **self.place.options,
        )

    def _merged(self, rows: Rows, held: Sequence[str]) -> sa.Insert:
        table = rows.table
        target, staged = bare(rows_name(table), held, self.place), self._staged(table)
        stamped = sa.literal(rows.partition, sa.String())
        insert = mysql.insert(target).from_select(
            [*staged.columns.keys(), STAMP], sa.select(*staged.columns, stamped)
        )
        if table.changed is None:
            return insert.on_duplicate_key_update([(name, insert.inserted[name]) for name in _others(table, held)])
        wins = is_not_newer(target.c[table.changed], insert.inserted[table.changed])
        return insert.on_duplicate_key_update(
            [(name, sa.func.IF(wins, insert.inserted[name], target.c[name])) for name in _others(table, held)]
        )


def _others(table: Table, held: Sequence[str]) -> list[str]:
    """Return the columns that a row of the same key gets; that of the change last: all others are decided by it."""
    others = [name for name in held if name not in table.key and name != table.changed]
    return [*others, *([table.changed] if table.changed and table.changed not in table.key else [])]
