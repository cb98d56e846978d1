"""Which partitions of a data set a business day has: itself, or its hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from optimove_pipeline.cadence import first_hour
from optimove_pipeline.datasets.windows import newest_closed

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

_HOUR = timedelta(hours=1)


def partitions_of(settings: Settings, dataset: str, day: date) -> list[date]:
    """Return the partitions of a data set, by its name, on a business day of the tenant, oldest first.

    The day itself, or where its cadence is hourly the hours (UTC) from that in which it begins to that before the
    next day's first.
    """
    if settings.datasets.of(dataset).cadence == "daily":
        return [day]
    hour, end = (first_hour(each, settings.zone) for each in (day, day + timedelta(days=1)))
    hours = list[date]()
    while hour < end:
        hours.append(hour)
        hour += _HOUR
    return hours


def business_day(partition: date, zone: ZoneInfo) -> date:
    """Return the day of a partition: of an hour (UTC) the one that ``partitions_of`` counts it to."""
    if isinstance(partition, datetime):
        ended = partition.replace(tzinfo=UTC) + _HOUR
        return (ended - timedelta(seconds=1)).astimezone(zone).date()
    return partition


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
