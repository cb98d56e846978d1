"""Which partitions of a data set a business day has: itself, or its hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from optimove_pipeline.datasets.windows import newest_closed, time_of

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

_HOUR = timedelta(hours=1)


def partitions_of(settings: Settings, dataset: str, day: date) -> list[date]:
    """Return the partitions of a data set, by its name, on a business day of the tenant, oldest first.

    The day itself, or where its cadence is hourly the hours (UTC) that begin on it.
    """
    if settings.datasets.of(dataset).cadence == "daily":
        return [day]
    window = time_of(day, settings.zone)
    hour, hours = _first_hour(window.start), list[date]()
    while hour < window.end:
        hours.append(hour.replace(tzinfo=None))
        hour += _HOUR
    return hours


def newest_partition(settings: Settings, dataset: str, now: datetime, day: date | None = None) -> date:
    """Return the newest partition of a data set that has ended by ``now``, on a business day if one is given.

    Of a day that has not begun it is the first, which has not ended.
    """
    closed_day = newest_closed(date.min, now, settings.zone)
    if settings.datasets.of(dataset).cadence == "daily":
        return day or closed_day
    closed = newest_closed(datetime.min, now, settings.zone)  # noqa: DTZ901 - tells that hours are meant
    if day is None:
        return closed
    hours = partitions_of(settings, dataset, day)
    return max((hour for hour in hours if hour <= closed), default=hours[0])


def _first_hour(start: datetime) -> datetime:
    """Return the first hour of UTC that begins at or after a moment."""
    whole = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return whole if whole == start else whole + _HOUR
