"""The SQL of all databases: built once with SQLAlchemy Core, compiled for the dialect of each.

Values stand in the statement as literals: they are moments and days that this project has made, and drivers differ
in what they do with parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.elements import quoted_name

from optimove_pipeline.datasets.sources.source import COUNT, Origin, Selection
from optimove_pipeline.errors import SettingsError

Expression = Callable[[sa.ColumnClause[Any]], sa.ColumnElement[Any]]

_PART = re.compile(r'[A-Za-z_][\w$]*(?:-[\w$]+)*|"[^"]+"|`[^`]+`|\[[^\]]+\]')
_NAME = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
AS_OF = "{as_of}"
"""Stands in a query behind the name of each table, for databases that take the moment of the view there."""


def column(name: str) -> sa.ColumnClause[Any]:
    """Return a column by its exact name."""
    return sa.column(quoted_name(name, quote=True))


def rows_of(selection: Selection, expressions: Sequence[sa.ColumnElement[Any]], as_of: str) -> sa.Select[Any]:
    """Return the statement of a selection's rows, with these expressions for its columns."""
    statement = _bounded(sa.select(*expressions), selection, as_of)
    return statement.order_by(*(column(name) for name in selection.order))


def count_of(selection: Selection, as_of: str) -> sa.Select[Any]:
    """Return the statement of how many rows a selection has."""
    return _bounded(sa.select(sa.func.count().label(COUNT)), selection, as_of)


def nothing_of(origin: Origin, as_of: str) -> sa.Select[Any]:
    """Return a statement that has all columns and no row."""
    return sa.select(sa.text("*")).select_from(_from(origin, (), as_of)).where(sa.text("1 = 0"))


def question(sql: str, parameters: Sequence[Any]) -> sa.TextClause:
    """Return a person's query with its parameters in the places of its names, in the order in which they appear.

    Raises:
        SettingsError: it has more names or fewer.
    """
    names = list(dict.fromkeys(_NAME.findall(sql)))
    if len(names) != len(parameters):
        raise SettingsError(
            f"a query has {len(names)} parameters ({', '.join(names) or 'none'}), expected {len(parameters)}: "
            "the day is written as :day"
        )
    values = zip(names, parameters, strict=True)
    return sa.text(sql).bindparams(*(sa.bindparam(name, value, type_=_type(value)) for name, value in values))


def compiled(statement: sa.ClauseElement, dialect: Dialect) -> str:
    """Return a statement's text."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def table_parts(table: str) -> Iterable[str]:
    """Yield the parts of a table's name: bare ones as they are, quoted ones with their quotes.

    Raises:
        SettingsError: it is no name of a table.
    """
    rest = table
    while match := _PART.match(rest):
        yield match.group()
        rest = rest[match.end() :]
        if not rest:
            return
        if not rest.startswith("."):
            break
        rest = rest[1:]
    raise SettingsError(f'table {table!r}: expected a name such as crm.players, or "Crm"."Players"')


def _bounded(statement: sa.Select[Any], selection: Selection, as_of: str) -> sa.Select[Any]:
    names = (*selection.columns, *selection.order, *((selection.change_column,) if selection.change_column else ()))
    statement = statement.select_from(_from(selection.origin, tuple(dict.fromkeys(names)), as_of))
    if selection.change_column is None:
        return statement
    change = column(selection.change_column)
    if selection.unchanged:
        return statement.where(change.is_(None))
    if selection.start is not None:
        statement = statement.where(change >= sa.literal(selection.start, sa.String()))
    if selection.end is not None:
        statement = statement.where(change < sa.literal(selection.end, sa.String()))
    return statement


def _from(origin: Origin, names: tuple[str, ...], as_of: str) -> sa.FromClause:
    if origin.query is not None:
        text = origin.query.strip().removesuffix(";").replace(AS_OF, as_of)
        return sa.text(text.replace(":", r"\:")).columns(*map(column, names)).subquery("origin")
    if origin.table is None:
        raise SettingsError("a data set needs table or query: the setting that names its rows in the source")
    name = ".".join(table_parts(origin.table))
    return sa.table(quoted_name(f"{name} {as_of}".rstrip(), quote=False))


def _type(value: Any) -> sa.types.TypeEngine[Any]:
    return sa.Date() if type(value) is date else sa.DateTime() if isinstance(value, date) else sa.String()
