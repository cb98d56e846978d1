"""The names of partitions: of a business day, or of an hour where a feed has an hourly cadence.

A partition is known by its start: a ``date``, or for an hour a ``datetime`` (UTC, without a zone).
"""

from __future__ import annotations

from datetime import date, datetime

HOUR_FORMAT = "%Y-%m-%dT%H"


def partition_key(partition: date) -> str:
    """Return the key of a partition: ``2026-11-20``, of an hour ``2026-11-20T14``."""
    return f"{partition:{HOUR_FORMAT}}" if isinstance(partition, datetime) else partition.isoformat()


def partition_of(key: str) -> date:
    """Return the partition that a key names; a datetime for an hour.

    Raises:
        ValueError: it is no key.
    """
    return datetime.strptime(key, HOUR_FORMAT) if "T" in key else date.fromisoformat(key)  # noqa: DTZ007 - UTC, as told above
