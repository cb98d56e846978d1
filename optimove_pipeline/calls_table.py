"""The table ``ops.api_calls``: every call made, so that a person can query where the budget went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from duckdb import DuckDBPyConnection

TABLE = "ops.api_calls"
COLUMNS: dict[str, str] = {
    "call_id": "VARCHAR NOT NULL",
    "report": "VARCHAR",
    "report_date": "DATE",
    "function": "VARCHAR NOT NULL",
    "parameters": "VARCHAR",
    "status": "INTEGER",
    "rows": "BIGINT",
    "milliseconds": "DOUBLE",
    "waited_seconds": "DOUBLE",
    "attempt": "INTEGER",
    "outcome": "VARCHAR",
    "called_at": "TIMESTAMP NOT NULL",
    "run_id": "VARCHAR",
}
"""Columns and SQL types; ``called_at`` is UTC, naive."""

_CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
_INSERT = f"""
    INSERT INTO {TABLE} BY NAME
    SELECT * REPLACE (called_at::TIMESTAMPTZ AT TIME ZONE 'UTC' AS called_at) FROM _calls
    WHERE call_id NOT IN (
        SELECT call_id FROM {TABLE}
        WHERE called_at >= (SELECT min(called_at::TIMESTAMPTZ AT TIME ZONE 'UTC') FROM _calls)
    )
"""  # noqa: S608 - names of our own


@dataclass(frozen=True, slots=True)
class _Stream:
    """A frame as DuckDB reads it without copying and without pyarrow: by Arrow's C interface alone."""

    frame: pl.DataFrame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def record_calls(connection: DuckDBPyConnection, calls: Sequence[Mapping[str, Any]]) -> int:
    """Add calls, given by the columns of ``COLUMNS``, that the table does not hold yet; return how many.

    Dates and times may be text in ISO format, times with their zone. A call is known by its ``call_id``, and a call
    recorded again was made at the same ``called_at``, so only calls since the earliest given are compared.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    connection.execute(_CREATE)
    if not calls:
        return 0
    frame = pl.DataFrame([dict(call) for call in calls], infer_schema_length=None).unique("call_id", keep="first")
    connection.register("_calls", _Stream(frame))
    try:
        added = connection.execute(_INSERT).fetchone()
    finally:
        connection.unregister("_calls")
    return int(added[0]) if added else 0
