"""The check of a database: what Optimove's own login may do there, and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.databases.layout import Place, bare, rows_name
from optimove_pipeline.targets.errors import LoginError, TargetError
from optimove_pipeline.targets.table import STAMP, Table


class Login(Protocol):
    """A connection of a user."""

    def row(self, statement: sa.ClauseElement, what: str) -> Sequence[Any]:
        """Return the first row of a result."""

    def refuses(self, statement: sa.ClauseElement, what: str) -> bool:
        """Return whether the server refuses a statement for want of a right; what it does is undone."""


def check_reader(
    name: str,
    tables: Sequence[Table],
    place: Place,
    writer: Callable[[], AbstractContextManager[object]],
    reader: Callable[[], AbstractContextManager[Login]],
    plain_reader: Callable[[], AbstractContextManager[object]] | None,
) -> list[Checked]:
    """Return the steps tried, ending with the first that failed; ``plain_reader`` logs in without TLS.

    Both users log in; the reader reads the rows and the last change of each view, and is refused all else.
    """
    passed, doing = list[Checked](), "log in to load"
    try:
        with writer():
            passed.append(Checked(doing, passed=True))
        doing = "log in as the reader"
        with reader() as login:
            passed.append(Checked(doing, passed=True))
            for what, step in _questions(login, tables, place):
                doing = what
                passed.append(Checked(step(), passed=True))
        if plain_reader is not None:
            doing = "be refused without TLS"
            _refused_without_tls(plain_reader)
            passed.append(Checked(doing, passed=True))
    except PipelineError as error:
        return [*passed, Checked(doing, passed=False, fix=_fix(error, name))]
    return passed


def _questions(login: Login, tables: Sequence[Table], place: Place) -> Iterator[tuple[str, Callable[[], str]]]:
    for table in tables:
        yield f"read {table.name}", partial(_read, login, table, place)
    for table in tables:
        yield f"be refused to write {table.name}", partial(_refused, login, table, place)


def _read(login: Login, table: Table, place: Place) -> str:
    view = bare(table.name, [column.name for column in table.columns], place)
    newest = sa.func.max(view.c[table.changed]) if table.changed else sa.null()
    count, changed = login.row(sa.select(sa.func.count(), newest).select_from(view), f"view {table.name}")
    return f"read {table.name}: {count:,} rows{f' up to {changed}' if changed is not None else ''}"


def _refused(login: Login, table: Table, place: Place) -> str:
    names = [column.name for column in table.columns]
    view, rows = bare(table.name, names, place), bare(rows_name(table), [STAMP], place)
    none = sa.select(*view.columns).where(sa.text("1 = 0"))
    if not login.refuses(sa.insert(view).from_select(names, none), f"view {table.name}"):
        raise TargetError(f"it may write to {table.name}, and must not: take from it every right but SELECT on views")
    if not login.refuses(sa.select(rows.c[STAMP]).where(sa.text("1 = 0")), f"table {rows.name}"):
        raise TargetError(f"it may read {rows.name}, and must not: take from it every right but SELECT on views")
    return f"be refused to write {table.name}"


def _refused_without_tls(plain_reader: Callable[[], AbstractContextManager[object]]) -> None:
    try:
        with plain_reader():
            pass
    except LoginError:
        return
    raise TargetError("the reader may log in without TLS, and must not")


def _fix(error: PipelineError, name: str) -> str:
    return f"{error}; `optimove-pipeline connect {name}` shows what is to be set up, with --apply it does its part"
