"""T-SQL as SQLAlchemy compiles it; texts are compared by their bytes, and tables clustered where they can be.

Without a collation of its own a text would take the database's, under which "a" and "A" are often one key. Rows of a
table without a clustered index leave empty pages behind when they are deleted; such an index takes 900 bytes of key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.mssql.base import MSDDLCompiler, MSDialect, MSTypeCompiler
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.targets.table import STAMP

_COLLATION = "Latin1_General_100_BIN2"
_MOST_CLUSTERED_BYTES = 900
_BYTES_OF_OTHERS = 17


class _Types(MSTypeCompiler):
    def visit_NVARCHAR(self, type_: sa.NVARCHAR, **options: Any) -> str:  # noqa: N802 - overridden
        return f"{super().visit_NVARCHAR(type_, **options)} COLLATE {_COLLATION}"  # type: ignore[no-untyped-call] # so the library has it


class _Definitions(MSDDLCompiler):
    def visit_primary_key_constraint(self, constraint: sa.PrimaryKeyConstraint, **options: Any) -> str:
        said = str(super().visit_primary_key_constraint(constraint, **options))  # type: ignore[no-untyped-call] # so the library has it
        kind = "CLUSTERED" if _clusters_by_key(constraint) else "NONCLUSTERED"
        return said.replace("PRIMARY KEY", f"PRIMARY KEY {kind}")

    def visit_create_index(self, create: Any, *given: Any, **options: Any) -> str:
        said = str(super().visit_create_index(create, *given, **options))  # type: ignore[no-untyped-call] # so the library has it
        return said.replace("CREATE INDEX", "CREATE CLUSTERED INDEX") if _is_by_partition(create.element) else said


def _clusters_by_key(constraint: sa.PrimaryKeyConstraint) -> bool:
    size = sum(_bytes(column) for column in constraint.columns)
    return size <= _MOST_CLUSTERED_BYTES and not any(map(_is_by_partition, constraint.table.indexes))


def _is_by_partition(index: sa.Index) -> bool:
    return [column.name for column in index.columns] == [STAMP]


def _bytes(column: sa.Column[Any]) -> int:
    kind = column.type.dialect_impl(DIALECT)
    return 2 * (kind.length or _MOST_CLUSTERED_BYTES) if isinstance(kind, sa.String) else _BYTES_OF_OTHERS


class _Text(sa.String):
    """Text that keeps its characters: without the N a literal has those of the database's code page alone."""

    def literal_processor(self, dialect: Dialect) -> Callable[[str], str]:
        return lambda value: "N'{}'".format(value.replace("'", "''"))


class _Tables(MSDialect):
    type_compiler_cls = _Types
    ddl_compiler = _Definitions
    colspecs = {**MSDialect.colspecs, sa.String: _Text}  # noqa: RUF012 - overridden as the library has it


DIALECT = cast("Dialect", _Tables(paramstyle="named"))  # type: ignore[no-untyped-call] # so the library has it
