"""The table ``ops.api_calls``: every call made, so that a person can query where the budget went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from duckdb import DuckDBPyConnection

from optimove_pipeline.warehouse import exists

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

_CALL = "concat_ws(' ', function, parameters)"
_ANSWERED = "report_date IS NOT NULL AND outcome IN ('ok', 'empty')"

_BY_DAY = f"""
    SELECT report, report_date, count(DISTINCT {_CALL}) FROM {TABLE} WHERE {_ANSWERED} GROUP BY ALL
"""  # noqa: S608 - names of our own
_BY_RUN = f"""
    SELECT report, report_date, run_id, list_distinct(list({_CALL})) FROM {TABLE}
    WHERE {_ANSWERED} AND called_at >= ? GROUP BY ALL ORDER BY max(called_at)
"""  # noqa: S608 - names of our own
_SECONDS = f"SELECT avg(milliseconds) / 1000 FROM {TABLE} WHERE {_ANSWERED}"  # noqa: S608 - names of our own

ReportDay = tuple[str, date]


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


@dataclass(frozen=True, slots=True)
class Answered:
    """The calls of one run for a report and day that were answered: function and parameters, paging included."""

    run_id: str
    calls: frozenset[str]


def calls_by_day(connection: DuckDBPyConnection) -> dict[ReportDay, int]:
    """Return how many different calls each report and day took, over all runs: a call made again counts once."""
    if not exists(connection, TABLE):
        return {}
    return {(report, day): calls for report, day, calls in connection.execute(_BY_DAY).fetchall()}


def answered_since(connection: DuckDBPyConnection, since: datetime) -> dict[ReportDay, list[Answered]]:
    """Return the calls answered since a moment (UTC, naive) by report and day, those of the newest run last."""
    found: dict[ReportDay, list[Answered]] = {}
    rows = connection.execute(_BY_RUN, [since]).fetchall() if exists(connection, TABLE) else []
    for report, day, run_id, calls in rows:
        found.setdefault((report, day), []).append(Answered(run_id, frozenset(calls)))
    return found


def seconds_of_a_call(connection: DuckDBPyConnection) -> float:
    """Return how long the API took to answer a report's call, on average; 0 if it was never asked."""
    row = connection.execute(_SECONDS).fetchone() if exists(connection, TABLE) else None
    return float(row[0]) if row and row[0] is not None else 0.0
