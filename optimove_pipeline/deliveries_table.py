"""The table ``ops.deliveries``: a copy of the ledger, so that a person can query what was delivered."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from duckdb import DuckDBPyConnection

from optimove_pipeline.ledger import Entry, Ledger
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.warehouse import transaction

TABLE = "ops.deliveries"
COLUMNS: dict[str, str] = {
    "delivery_id": "VARCHAR NOT NULL",
    "target": "VARCHAR NOT NULL",
    "feed": "VARCHAR NOT NULL",
    "day": "DATE NOT NULL",
    "partition": "VARCHAR NOT NULL",
    "version": "INTEGER NOT NULL",
    "part": "INTEGER NOT NULL",
    "name": "VARCHAR NOT NULL",
    "rows": "BIGINT NOT NULL",
    "bytes": "BIGINT NOT NULL",
    "sha256": "VARCHAR NOT NULL",
    "state": "VARCHAR NOT NULL",
    "attempts": "INTEGER NOT NULL",
    "reason": "VARCHAR",
    "problem": "VARCHAR",
    "planned_at": "TIMESTAMP NOT NULL",
    "started_at": "TIMESTAMP",
    "finished_at": "TIMESTAMP",
    "run_id": "VARCHAR NOT NULL",
    "revision": "BIGINT NOT NULL",
}
"""Columns and SQL types; times are UTC, naive.

``partition`` is the key, such as ``2026-11-20T14`` where partitions are hours; ``part`` is 0 for a manifest;
``state`` is one of ``ledger.State``.
"""

_CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
_ROW = ", ".join(f"{name} {kind.removesuffix(' NOT NULL')}" for name, kind in COLUMNS.items())
_CHANGED = f"SELECT unnest(?::STRUCT({_ROW})[], recursive := true)"


def copy_ledger(connection: DuckDBPyConnection, ledger: Ledger) -> int:
    """Bring the table up to date with the ledger; return how many of its rows are new or changed.

    What the table holds of a ledger that was lost since stays in it.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    connection.execute(_CREATE)
    changed = [_row(revision, entry) for revision, entry in ledger.changed_since(_copied(connection, ledger))]
    if changed:
        with transaction(connection):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE _deliveries AS {_CHANGED}", [changed])
            connection.execute(f"DELETE FROM {TABLE} WHERE delivery_id IN (SELECT delivery_id FROM _deliveries)")  # noqa: S608
            connection.execute(f"INSERT INTO {TABLE} BY NAME FROM _deliveries")
            connection.execute("DROP TABLE _deliveries")
    return len(changed)


def _copied(connection: DuckDBPyConnection, ledger: Ledger) -> int:
    """Return the revision up to which the table holds this ledger: none of it where the ledger began anew."""
    found = connection.execute(f"SELECT coalesce(max(revision), 0) FROM {TABLE}").fetchone()  # noqa: S608
    copied = int(found[0]) if found else 0
    return copied if copied <= ledger.revision() else 0


def _row(revision: int, entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    times = {name: _utc(row[name]) for name in ("planned_at", "started_at", "finished_at")}
    further = {"delivery_id": entry.id, "state": entry.state.value, "revision": revision}
    further["partition"] = partition_key(entry.day)
    values = {**row, **times, **further}
    return {name: values[name] for name in COLUMNS}


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
