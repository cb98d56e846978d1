"""Receipts: what the snapshot of a load says of it, and what the table's properties say of all loads.

A receipt is gone once its snapshot has expired; then the ledger is the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import ancestors_of

from optimove_pipeline.targets.table import Rows, Table

_NEWEST = "optimove.newest-partition"
"""Property of a table: the newest partition that replaced all rows."""
_FORGOTTEN = "optimove.forgotten"
"""Property of a table: the hash of all forgotten customers whose rows are known not to be in it."""


def receipt_of(rows: Rows) -> dict[str, str]:
    """Return the properties of the snapshot that a load leaves; times are ISO 8601."""
    found = {
        "optimove.feed": rows.table.feed,
        "optimove.partition": rows.partition,
        "optimove.source": rows.source,
        "optimove.rows": str(rows.count),
        "optimove.run": rows.run_id,
    }
    if rows.window is not None:
        found["optimove.window-start"] = rows.window.start.isoformat()
        found["optimove.window-end"] = rows.window.end.isoformat()
    return found


def source_of(found: IcebergTable, table: Table, partition: str) -> str | None:
    """Return the source of the last load of a partition that still counts; None if no snapshot tells of one."""
    for snapshot in ancestors_of(found.current_snapshot(), found.metadata):
        summary = snapshot.summary
        if summary and (summary["optimove.feed"], summary["optimove.partition"]) == (table.feed, partition):
            return summary["optimove.source"]
    return None


def is_outdated(found: IcebergTable, partition: str) -> bool:
    """Return whether a newer partition has replaced all rows."""
    return found.properties.get(_NEWEST, "") > partition


def newest(partition: str) -> dict[str, str]:
    """Return the properties of a table that a partition replaces all rows of."""
    return {_NEWEST: partition}


def forgotten(customers: Collection[str]) -> dict[str, str]:
    """Return the properties of a table without rows of these customers."""
    return {_FORGOTTEN: hashlib.sha256("\n".join(sorted(customers)).encode()).hexdigest() if customers else ""}


def is_without(found: IcebergTable, customers: Collection[str]) -> bool:
    """Return whether a table is known to hold no rows of these customers."""
    return all(found.properties.get(key, "") == value for key, value in forgotten(customers).items())
