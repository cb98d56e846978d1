"""The tables ``ops.approvals``, ``ops.watermarks`` and ``ops.acknowledgements``: copies of the ledger's records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from optimove_pipeline.acknowledgements import ACKNOWLEDGEMENTS
from optimove_pipeline.approvals import APPROVALS
from optimove_pipeline.ledger_records import Records
from optimove_pipeline.partition_keys import partition_of
from optimove_pipeline.warehouse import transaction
from optimove_pipeline.watermarks import WATERMARKS

TABLES = {f"ops.{records.name}": records for records in (APPROVALS, WATERMARKS, ACKNOWLEDGEMENTS)}

_TYPES = {"TEXT": "VARCHAR", "INTEGER": "BIGINT", "REAL": "TIMESTAMP"}


def columns(records: Records) -> dict[str, str]:
    """Return the columns and SQL types of a copy: ``record_id``, the record's own, ``number``.

    Moments are UTC, naive. A partition is ``day``, and its key as ``partition``: ``2026-11-20T14`` for an hour.
    """
    own = {name: _TYPES[kind] for name, kind in records.columns.items()}
    day = {"day": "DATE", "partition": "VARCHAR"} if "day" in own else {}
    return {"record_id": "VARCHAR", **own, **day, "number": "BIGINT"}


def copy_records(connection: DuckDBPyConnection, path: Path) -> int:
    """Bring the tables up to date with the ledger's file ``path``; return how many rows are new.

    What a table holds of a ledger that was lost since stays in it.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    return sum(_copy(connection, path, table, records) for table, records in TABLES.items())


def _copy(connection: DuckDBPyConnection, path: Path, table: str, records: Records) -> int:
    kinds = columns(records)
    described = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({described})")
    copied = connection.execute(f"SELECT record_id FROM {table}").fetchall()  # noqa: S608 - names of our own
    new = _rows(path, records, {each for (each,) in copied})
    with transaction(connection):
        for row in new:
            connection.execute(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
                [*row.values()],
            )
    return len(new)


def _rows(path: Path, records: Records, copied: set[str]) -> list[dict[str, Any]]:
    names = ("id", *records.columns, "number")
    with records.opened(path) as connection:
        found = connection.execute(f"SELECT {', '.join(names)} FROM {records.name} ORDER BY number").fetchall()  # noqa: S608
    rows = [dict(zip(names, row, strict=True)) for row in found]
    return [_row(records, row) for row in rows if row["id"] not in copied]


def _row(records: Records, row: dict[str, Any]) -> dict[str, Any]:
    moments = {name: _utc(row[name]) for name, kind in records.columns.items() if kind == "REAL"}
    return {"record_id": row.pop("id"), **row, **moments, **(_partition(row["day"]) if "day" in row else {})}


def _partition(key: str) -> dict[str, Any]:
    return {"day": date.fromordinal(partition_of(key).toordinal()), "partition": key}


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
