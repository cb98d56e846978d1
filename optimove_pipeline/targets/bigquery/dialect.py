"""BigQuery's SQL as SQLAlchemy compiles it: types, literals, and tables that are clustered and partitioned.

Google's GoogleSQL reference is the source: string literals escape with a backslash, a table's implicit alias is the
last name of its path, and of a cluster's columns there are four at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import DDLCompiler, GenericTypeCompiler, SQLCompiler

from optimove_pipeline.datasets.sources.dialects import BigQueryDialect

PARTITIONED, CLUSTERED = "partitioned", "clustered"
"""What a table's ``info`` tells: the column by whose month it is partitioned, and the columns it is clustered by."""

_NUMERIC_INTEGERS, _NUMERIC_PLACES = 29, 9


class _Types(GenericTypeCompiler):
    def visit_TEXT(self, type_: sa.Text, **options: Any) -> str:  # noqa: N802 - overridden
        return "STRING"

    def visit_VARCHAR(self, type_: sa.String, **options: Any) -> str:  # noqa: N802 - overridden
        return "STRING"

    def visit_NVARCHAR(self, type_: sa.NVARCHAR, **options: Any) -> str:  # noqa: N802 - overridden
        return "STRING"

    def visit_BIGINT(self, type_: sa.BigInteger, **options: Any) -> str:  # noqa: N802 - overridden
        return "INT64"

    def visit_BOOLEAN(self, type_: sa.Boolean, **options: Any) -> str:  # noqa: N802 - overridden
        return "BOOL"

    def visit_DOUBLE(self, type_: sa.Double[Any], **options: Any) -> str:  # noqa: N802 - overridden
        return "FLOAT64"

    def visit_datetime(self, type_: sa.DateTime, **options: Any) -> str:
        return "DATETIME"

    def visit_NUMERIC(self, type_: sa.Numeric[Any], **options: Any) -> str:  # noqa: N802 - overridden
        precision, scale = type_.precision or 38, type_.scale or 0
        small = scale <= _NUMERIC_PLACES and precision - scale <= _NUMERIC_INTEGERS
        return f"{'NUMERIC' if small else 'BIGNUMERIC'}({precision}, {scale})"


class _Statements(SQLCompiler):
    def visit_column(self, column: Any, *given: Any, **options: Any) -> str:
        if options.get("include_table", True) and isinstance(column.table, sa.Table):
            return f"{self.preparer.quote(column.table.name)}.{self.preparer.quote(column.name)}"
        return super().visit_column(column, *given, **options)


class _Definitions(DDLCompiler):
    def visit_primary_key_constraint(self, constraint: sa.PrimaryKeyConstraint, **options: Any) -> str:
        """Leave it out: BigQuery enforces no keys."""
        return ""

    def post_create_table(self, table: sa.Table) -> str:
        """Return how the table is stored."""
        quote, said = self.preparer.quote, ""
        if (column := table.info.get(PARTITIONED)) is not None:
            kind = "DATE" if isinstance(table.columns[column].type, sa.Date) else "DATETIME"
            said += f"\nPARTITION BY {kind}_TRUNC({quote(column)}, MONTH)"
        if columns := table.info.get(CLUSTERED):
            said += f"\nCLUSTER BY {', '.join(map(quote, columns))}"
        return said


def _text_literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


class _Text(sa.String):
    def literal_processor(self, dialect: Dialect) -> Callable[[str], str]:
        return _text_literal


class BigQueryTables(BigQueryDialect):
    """BigQuery: tables made and changed."""

    type_compiler_cls = _Types  # type: ignore[assignment] # as the library has it
    statement_compiler = _Statements
    ddl_compiler = _Definitions
    colspecs = {sa.String: _Text}  # noqa: RUF012 - overridden as the library has it
    supports_native_boolean = True
