"""The tables of a feed in a database, for every dialect of SQLAlchemy; nothing here connects.

The receiver reads a view that bears the name of the feed's table. Its rows lie in a table of the same name with an
underscore before it, beside the receipts of all feeds (reference on delivery, section 3.3: one view per data set,
an index on the change column and the key).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, CreateView
from sqlalchemy.sql.elements import quoted_name

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.table import STAMP, Replace, Table, TableColumn

RECEIPTS = "_receipts"
_MOST_NAMED = 52
"""Characters of a table's name: PostgreSQL takes 63, and the names of indexes have eleven more."""
_MOST_COLUMN_NAMED = 63
_STAMP_CHARACTERS = 40
_INDEXED_CHARACTERS = 700
"""Characters of all texts of one index: MySQL takes 3,072 bytes at four a character, SQL Server 1,700 at two."""
_MOST_CHARACTERS = 255
_LONGEST_NVARCHAR = 4000


@dataclass(frozen=True, slots=True)
class Place:
    """Where tables are made: their ``schema``, None for the connection's own, and further ``options`` of a dialect.

    Options are those of ``sqlalchemy.Table``, such as ``mysql_collate``. ``stamp`` is the name of the column
    ``STAMP``, where an engine keeps that name to itself.
    """

    schema: str | None
    options: Mapping[str, Any]
    stamp: str = STAMP


def rows_table(table: Table, place: Place) -> sa.Table:
    """Return the table that holds a feed's rows, with its primary key and indexes.

    Columns are those of the feed in their order, then ``STAMP``. Only the key is never null: a partition may come
    without a column. Indexes: the key (the primary key where it is unique); the change column, then the key; the
    partition, where partitions replace each other; the customer, whose rows may have to go.

    Raises:
        SettingsError: a name is too long, or that of the table of receipts.
    """
    _check_names(table)
    bounds = _bounds(table)
    made = sa.Table(
        rows_name(table),
        sa.MetaData(),
        *(
            # The values of a numeric key are ours: none is to be counted up by the database.
            sa.Column(
                quoted(each.name),
                _type(each, bounds.get(each.name)),
                nullable=each.name not in table.key,
                autoincrement=False,
            )
            for each in table.columns
        ),
        sa.Column(place.stamp, _text(_STAMP_CHARACTERS), nullable=False),
        *([sa.PrimaryKeyConstraint(*table.key, name=f"_{table.name}_primary")] if table.unique and table.key else []),
        schema=place.schema,
        **place.options,
    )
    for name, columns in _indexes(table, place).items():
        sa.Index(f"_{table.name}_{name}", *(made.columns[column] for column in columns))
    return made


def receipts_table(place: Place) -> sa.Table:
    """Return the table of receipts: one row for each feed and partition that was loaded.

    ``source`` is the hash of what the rows were made of; ``window_start`` and ``window_end`` bound the changes that
    the partition holds, in UTC, and ``loaded_at`` is in UTC too.
    """
    return sa.Table(
        RECEIPTS,
        sa.MetaData(),
        sa.Column("feed", _text(80), nullable=False),
        sa.Column("partition_key", _text(_STAMP_CHARACTERS), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("run_id", _text(80), nullable=False),
        sa.Column("window_start", _MOMENT),
        sa.Column("window_end", _MOMENT),
        sa.Column("loaded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("feed", "partition_key", name=f"{RECEIPTS}_primary"),
        schema=place.schema,
        **place.options,
    )


def create_statements(made: sa.Table, dialect: Dialect) -> list[str]:
    """Return the statements that make a table and its indexes."""
    indexes = map(CreateIndex, sorted(made.indexes, key=lambda index: str(index.name)))
    statements: list[sa.ClauseElement] = [CreateTable(made), *indexes]
    return [text_of(statement, dialect) for statement in statements]


def add_column_statement(made: sa.Table, column: str, dialect: Dialect) -> str:
    """Return the statement that gives a table that exists one column more."""
    definition = text_of(CreateColumn(made.columns[column]), dialect)
    return f"ALTER TABLE {name_of(made, dialect)} ADD {definition}"


def view_statement(table: Table, place: Place, columns: Sequence[str], dialect: Dialect, *, replace: bool) -> str:
    """Return the statement that makes the receiver's view of these columns, in this order."""
    rows = bare(rows_name(table), columns, place)
    view = CreateView(sa.select(*rows.columns), quoted(table.name), schema=place.schema, or_replace=replace)
    return text_of(view, dialect)


def view_columns(held: Sequence[str]) -> list[str]:
    """Return the columns of the view over a table that has these, in its order."""
    return [name for name in held if name != STAMP]


def bare(name: str, columns: Sequence[str], place: Place) -> sa.Table:
    """Return a table or view by name, with columns by name alone: enough for statements on rows."""
    return sa.Table(quoted(name), sa.MetaData(), *(sa.Column(quoted(each)) for each in columns), schema=place.schema)


def rows_name(table: Table) -> str:
    """Return the name of the table that holds a feed's rows."""
    return f"_{table.name}"


def name_of(made: sa.Table, dialect: Dialect) -> str:
    """Return the quoted name of a table, with its schema."""
    return str(dialect.identifier_preparer.format_table(made))


def text_of(statement: sa.ClauseElement, dialect: Dialect) -> str:
    """Return a statement as text, its values in their places."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).strip()


def quoted(name: str) -> quoted_name:
    """Return a name that is always quoted: engines fold the case of others."""
    return quoted_name(name, quote=True)


def _check_names(table: Table) -> None:
    if len(table.name) > _MOST_NAMED or rows_name(table).lower() == RECEIPTS:
        raise SettingsError(
            f"{table.feed}: its table can't be called {table.name} in a database: expected {_MOST_NAMED} characters "
            f"at most, and not {RECEIPTS.removeprefix('_')}; set packages.each.{table.feed}.table to another name"
        )
    if long := [column.name for column in table.columns if len(column.name.encode()) > _MOST_COLUMN_NAMED]:
        raise SettingsError(
            f"{table.feed}: column {long[0]} can't be in a database: expected {_MOST_COLUMN_NAMED} bytes at most"
        )


def _indexes(table: Table, place: Place) -> dict[str, tuple[str, ...]]:
    indexes = dict[str, tuple[str, ...]]()
    if table.key and not table.unique:
        indexes["key"] = table.key
    if table.changed is not None:
        indexes["changed"] = (table.changed, *(name for name in table.key if name != table.changed))
    if table.replace is Replace.PARTITION:
        indexes["partition"] = (place.stamp,)
    if table.customer is not None and table.customer != next(iter(table.key), None):
        indexes["customer"] = (table.customer,)
    return indexes


def _bounds(table: Table) -> dict[str, int]:
    """Return the most characters of each text that is in an index: MySQL and SQL Server index no endless text."""
    shared = [*table.key, *([table.changed] if table.changed and table.changed not in table.key else [])]
    bounds = _shared(table, shared)
    if table.customer is not None and table.customer not in bounds:
        bounds |= _shared(table, [table.customer])
    return bounds


def _shared(table: Table, names: Sequence[str]) -> dict[str, int]:
    texts = {name: table.column(name).length for name in names if table.column(name).dtype == pl.String}
    endless = [name for name, length in texts.items() if length is None]
    left = _INDEXED_CHARACTERS - sum(length for length in texts.values() if length is not None)
    share = min(_MOST_CHARACTERS, max(left, 1) // max(len(endless), 1))
    return {name: max(share, 1) if length is None else length for name, length in texts.items()}


def _type(column: TableColumn, bound: int | None) -> sa.types.TypeEngine[Any]:
    if column.dtype == pl.String:
        return _text(bound) if bound is not None else _free_text(column.length)
    if isinstance(column.dtype, pl.Decimal):
        return sa.Numeric(column.dtype.precision or 38, column.dtype.scale)
    return _TYPES[column.dtype.base_type()]


def _text(length: int) -> sa.types.TypeEngine[Any]:
    """Return the type of a text that is indexed. PostgreSQL needs no bound, and the contract may raise it."""
    return (
        sa.String(length)
        .with_variant(sa.Text(), "postgresql")
        .with_variant(mssql.NVARCHAR(length if length <= _LONGEST_NVARCHAR else None), "mssql")
    )


def _free_text(length: int | None) -> sa.types.TypeEngine[Any]:
    """Return the type of a text that is in no index; MySQL's VARCHARs would soon fill the 64 KiB of a row."""
    # SQL Server counts units of two bytes, of which an emoji has two.
    units = 2 * length if length is not None and 2 * length <= _LONGEST_NVARCHAR else None
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb").with_variant(mssql.NVARCHAR(units), "mssql")


_MOMENT: sa.types.TypeEngine[Any] = (
    sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb").with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call] # so the library has it
)
_TYPES: dict[object, sa.types.TypeEngine[Any]] = {
    pl.Int64: sa.BigInteger(),
    pl.Float64: sa.Double(),
    pl.Boolean: sa.Boolean(),
    pl.Date: sa.DATE(),
    pl.Datetime: _MOMENT,
}
