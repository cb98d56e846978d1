"""Whether the columns that a table has can hold what its feed has by now: settings and contracts may change types.

PostgreSQL's binary COPY takes the bytes of one type for those of another, and all engines round decimals silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from optimove_pipeline.targets.databases.layout import rows_name
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.table import Table, TableColumn

_TYPE = re.compile(r"(?P<name>[a-z]+)[^(]*(?:\(\d+(?:, *(?P<scale>\d+))?\))?", re.IGNORECASE)
_KINDS = {
    **dict.fromkeys(("text", "character", "char", "varchar", "nvarchar", "mediumtext", "longtext"), "text"),
    **dict.fromkeys(("boolean", "bit", "tinyint"), "flags"),
    **dict.fromkeys(("timestamp", "datetime"), "times"),
    **dict.fromkeys(("numeric", "decimal"), "decimals"),
    **dict.fromkeys(("double", "float"), "numbers"),
    "bigint": "whole numbers",
    "date": "dates",
}
_KIND_OF: dict[object, str] = {
    pl.String: "text",
    pl.Boolean: "flags",
    pl.Datetime: "times",
    pl.Decimal: "decimals",
    pl.Int64: "whole numbers",
    pl.Float64: "numbers",
    pl.Date: "dates",
}


def must_fit(label: str, table: Table, held: Mapping[str, str]) -> None:
    """Return if a table's columns can hold a feed's; ``held`` are their types as the engine tells them, by name.

    A type of which nothing is known here is left to the engine.

    Raises:
        TargetError: one holds values of another kind, or has fewer places.
    """
    for column in table.columns:
        if column.name in held and (problem := _problem(column, held[column.name])):
            raise TargetError(
                f"{label}: {table.name}: column {column.name} of {rows_name(table)} {problem} now: alter it there, "
                "or drop view and table and deliver all partitions again"
            )


def _problem(column: TableColumn, held: str) -> str | None:
    wanted, found = _KIND_OF[column.dtype.base_type()], _TYPE.match(held)
    kind = _KINDS.get(found["name"].lower(), wanted) if found else wanted
    if kind != wanted:
        return f"holds {kind} ({held}), and the feed has {wanted}"
    if (
        isinstance(column.dtype, pl.Decimal)
        and found
        and "(" in held
        and int(found["scale"] or 0) < column.dtype.scale
    ):
        return f"is of the type {held}, and the feed has {column.dtype.scale} decimal places"
    return None
