"""A table as clients are told of it: its columns in JSON, its key, and what its rows are ordered by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from optimove_pipeline.feeds import Kind
from optimove_pipeline.serving.rendering import is_in_utc, kind_of
from optimove_pipeline.targets.table import Table

Schema = dict[str, Any]

_DTYPES: dict[str, pl.DataType] = {
    "Int64": pl.Int64(),
    "Decimal": pl.Decimal(38, 0),
    "Boolean": pl.Boolean(),
    "Date": pl.Date(),
    "Datetime": pl.Datetime("us"),
}
"""Of columns that only the store knows, by how the text of their dtypes begins; others are text."""


@dataclass(frozen=True, slots=True)
class Described:
    """A table, and the columns that only the store has, which some delivery brought (name: text of the dtype)."""

    table: Table
    more: Mapping[str, str]


def as_document(described: Described, decimals: str) -> Schema:
    """Return what the schema end point tells."""
    table = described.table
    return {
        "table": table.name,
        "key": list(table.key),
        "unique": table.unique,
        "change_column": table.changed,
        "replaced": table.replace.value,
        "columns": [{"name": name, **schema} for name, schema in column_schemas(described, decimals).items()],
    }


def row_schema(described: Described, decimals: str) -> Schema:
    """Return the JSON schema of a row. A column that a delivery did not have yet is absent, which means null."""
    required = [column.name for column in described.table.columns if column.required]
    return {
        "type": "object",
        "properties": column_schemas(described, decimals),
        **({"required": required} if required else {}),
    }


def column_schemas(described: Described, decimals: str) -> dict[str, Schema]:
    """Return the JSON schema of each column, in the agreed order."""
    table = described.table
    schemas = {
        column.name: _schema(
            column.dtype, decimals, required=column.required, length=column.length, utc=is_in_utc(table)
        )
        for column in table.columns
    }
    more = {
        name: _schema(
            _DTYPES.get(text.partition("(")[0], pl.String()),
            decimals,
            required=False,
            length=None,
            utc=is_in_utc(table),
        )
        for name, text in described.more.items()
        if name not in schemas
    }
    return schemas | more


def _schema(dtype: pl.DataType, decimals: str, *, required: bool, length: int | None, utc: bool) -> Schema:
    kind = kind_of(dtype)
    schemas: dict[Kind, Schema] = {
        Kind.TEXT: {"type": "string", **({"maxLength": length} if length else {})},
        Kind.INTEGER: {"type": "integer", "format": "int64"},
        Kind.NUMBER: {"type": "number"} if decimals == "number" else {"type": "string", "format": "decimal"},
        Kind.FLAG: {"type": "boolean"},
        Kind.DATE: {"type": "string", "format": "date"},
        Kind.TIME: {"type": "string", "format": "date-time" if utc else "local-date-time"},
    }
    return schemas[kind] if required else _nullable(schemas[kind])


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
