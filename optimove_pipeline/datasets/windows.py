"""The windows of partitions: which changes a partition holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.packages import Window
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.settings.datasets import Datasets

_HOUR = timedelta(hours=1)


def window_of(settings: Datasets, dataset: Dataset, partition: date, zone: ZoneInfo) -> Window:
    """Return the window of a partition, in UTC: it begins the overlap before the partition, and ends with it.

    A partition is a business day in ``zone`` (of 23 or 25 hours where its clocks change), or as a datetime an hour of
    UTC. A partition that holds all rows has no overlap.
    """
    window = time_of(partition, zone)
    if dataset.load is Load.SNAPSHOT:
        return window
    return Window(window.start - timedelta(hours=settings.overlap_hours), window.end)


def time_of(partition: date, zone: ZoneInfo) -> Window:
    """Return the time of a partition itself, in UTC; those of partitions in a row leave nothing out."""
    if isinstance(partition, datetime):
        start = partition.replace(tzinfo=UTC)
        return Window(start, start + _HOUR)
    return Window(_midnight(partition, zone), _midnight(partition + timedelta(days=1), zone))


def readable_from(settings: Datasets, partition: date, zone: ZoneInfo) -> datetime:
    """Return the moment (UTC) from which a partition is read: its end, and the delay for late commits."""
    return time_of(partition, zone).end + timedelta(minutes=settings.delay_minutes)


def ended_by(partition: date) -> datetime:
    """Return a moment (naive UTC) by which a partition of any kind has ended, whatever the tenant's time zone."""
    start = partition if isinstance(partition, datetime) else datetime.combine(partition, time())
    return start + timedelta(days=33 if isinstance(partition, Month) else 2)


def newest_closed(partition: date, moment: datetime, zone: ZoneInfo) -> date:
    """Return the newest partition that has ended by a moment; ``partition`` says whether it is a day or an hour."""
    if isinstance(partition, datetime):
        hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        return hour - _HOUR
    return moment.astimezone(zone).date() - timedelta(days=1)


def months(history: int, before: date, zone: ZoneInfo) -> tuple[Window, ...]:
    """Return the windows of the initial full load, oldest first: calendar months, in UTC, without overlap.

    They begin ``history`` months before the month of ``before`` and end where the day ``before`` begins, so that it
    is the first day loaded by its changes. The last is the begun month, left out where ``before`` is its first day.
    """
    begun = before.year * 12 + before.month - 1
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(begun - history, begun + 1)]
    ends = [*starts[1:], before]
    pairs = [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]
    return tuple(Window(_midnight(start, zone), _midnight(end, zone)) for start, end in pairs)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
