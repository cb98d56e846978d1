"""Approvals: a person answers for a day that the volume check holds back, by name, in the ledger's file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger_records import Records
from optimove_pipeline.partition_keys import partition_key

APPROVALS = Records(
    "approvals",
    {
        "feed": "TEXT",
        "day": "TEXT",
        "rows": "INTEGER",
        "approved_by": "TEXT",
        "reason": "TEXT",
        "approved_at": "REAL",
    },
)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved so many rows of a feed's day, why, and when (epoch seconds)."""

    feed: str
    day: date
    rows: int
    approved_by: str
    reason: str
    approved_at: float

    def holds_for(self, rows: int) -> bool:
        """Return whether the day may be sent with so many rows: with those approved, no more and no fewer."""
        return rows == self.rows


def approve(path: Path, feed: str, day: date, by: str, reason: str, rows: int, now: float | None = None) -> Approval:
    """Record that a person approves a feed's day with so many rows, in the ledger's file ``path``, and return it.

    ``now`` is the moment in epoch seconds.

    Raises:
        SettingsError: name or reason is blank, or the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    if not by.strip() or not reason.strip():
        raise SettingsError("an approval needs the name of who approves (--by) and why (--reason)")
    given = Approval(feed, day, rows, by.strip(), reason.strip(), time.time() if now is None else now)
    with APPROVALS.opened(path) as connection:
        APPROVALS.add(connection, feed, partition_key(day), rows, given.approved_by, given.reason, given.approved_at)
    return given


def approval(path: Path, feed: str, day: date) -> Approval | None:
    """Return the newest approval of a feed's day; whether it ``holds_for`` a number of rows is the caller's to ask.

    Raises as ``approve`` does.
    """
    query = (
        "SELECT rows, approved_by, reason, approved_at FROM approvals WHERE feed = ? AND day = ?"
        " ORDER BY number DESC LIMIT 1"
    )
    with APPROVALS.opened(path) as connection:
        row = connection.execute(query, (feed, partition_key(day))).fetchone()
    return Approval(feed, day, *row) if row else None
