"""The names of partitions: of a business day, an hour where a feed has an hourly cadence, or a month of history.

A partition is known by its start: a ``date``, for an hour a ``datetime`` (UTC, without a zone), for a month a
``Month``.
"""

from __future__ import annotations

from datetime import date, datetime

HOUR_FORMAT = "%Y-%m-%dT%H"
MONTH_FORMAT = "%Y-%m"


class Month(date):
    """A calendar month, by its first day."""


def partition_key(partition: date) -> str:
    """Return the key of a partition: ``2026-11-20``, of an hour ``2026-11-20T14``, of a month ``2026-11``."""
    match partition:
        case datetime():
            return f"{partition:{HOUR_FORMAT}}"
        case Month():
            return f"{partition:{MONTH_FORMAT}}"
        case _:
            return partition.isoformat()


def partition_of(key: str) -> date:
    """Return the partition that a key names: a day, a datetime for an hour, or a ``Month``.

    Raises:
        ValueError: it is no key.
    """
    if "T" in key:
        return datetime.strptime(key, HOUR_FORMAT)  # noqa: DTZ007 - UTC, as told above
    return Month.fromisoformat(f"{key}-01") if len(key) == len("2026-11") else date.fromisoformat(key)
