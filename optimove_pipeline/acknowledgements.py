"""Acknowledgements: days of which Optimove has shown that it took what was delivered, in the ledger's file.

Optimove confirms no file. What it shows is that its data reach to a day, or that a daily process has ended
(reference on delivery, section 4.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from optimove_pipeline.ledger_records import Records

ACKNOWLEDGEMENTS = Records(
    "acknowledgements", {"feed_group": "TEXT", "day": "TEXT", "accepted_at": "REAL", "accepted_by": "TEXT"}
)


class Sign(StrEnum):
    """What an acknowledgement was seen by."""

    LAST_DATA_UPDATE = "GetLastDataUpdate"
    DAY_COMPLETED = "event 3"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """When (epoch seconds) it was seen, and by what, that a day of a group of feeds was taken."""

    feed_group: str
    day: date
    accepted_at: float
    accepted_by: Sign


def accept(path: Path, feed_group: str, day: date, delivered_at: float, sign: Sign, at: float) -> bool:
    """Record that what was delivered of a day by ``delivered_at`` was taken, seen at ``at`` (both epoch seconds).

    Return whether that is news: a day is accepted once, and again only if something of it was delivered since.
    ``path`` is the ledger's file.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    query = "SELECT max(accepted_at) FROM acknowledgements WHERE feed_group = ? AND day = ?"
    with ACKNOWLEDGEMENTS.opened(path) as connection:
        last = connection.execute(query, (feed_group, day.isoformat())).fetchone()[0]
        if last is not None and last >= delivered_at:
            return False
        ACKNOWLEDGEMENTS.add(connection, feed_group, day.isoformat(), at, sign)
        return True


def accepted(path: Path, feed_group: str) -> dict[date, Acknowledgement]:
    """Return the last acknowledgement of each day of a group of feeds. Raises as ``accept`` does."""
    query = "SELECT day, accepted_at, accepted_by FROM acknowledgements WHERE feed_group = ? ORDER BY accepted_at"
    with ACKNOWLEDGEMENTS.opened(path) as connection:
        rows = connection.execute(query, (feed_group,)).fetchall()
    found = (Acknowledgement(feed_group, date.fromisoformat(day), at, Sign(sign)) for day, at, sign in rows)
    return {each.day: each for each in found}
