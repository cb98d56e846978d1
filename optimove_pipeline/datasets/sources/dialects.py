"""SQLAlchemy dialects of databases for which it brings none: what a SELECT needs of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import GenericTypeCompiler, IdentifierPreparer


class SnowflakeDialect(DefaultDialect):
    """Snowflake: standard SQL as far as a SELECT goes; names in double quotes are taken by their case."""

    name = "snowflake"


class _BigQueryNames(IdentifierPreparer):
    def __init__(self, dialect: DefaultDialect, **options: Any) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`", **options)


class _BigQueryTypes(GenericTypeCompiler):
    def visit_TEXT(self, type_: sa.Text, **options: Any) -> str:  # noqa: N802 - overridden
        return "STRING"


class BigQueryDialect(DefaultDialect):
    """BigQuery: names in backticks, text is called STRING."""

    name = "bigquery"
    preparer = _BigQueryNames  # type: ignore[assignment]
    type_compiler_cls = _BigQueryTypes


def named_style(dialect: Callable[..., Any], **options: Any) -> Callable[[], Dialect]:
    """Return what makes a dialect whose statements double no percent sign, as drivers take them without values."""
    return partial(dialect, paramstyle="named", **options)
