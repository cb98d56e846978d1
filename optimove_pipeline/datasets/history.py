"""The initial full load: months of history before the first day that is sent by its changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.windows import months, time_of, window_of
from optimove_pipeline.packages import Window
from optimove_pipeline.partition_keys import Month

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

NAME = "{table}_full_{date}_{time}_{part:03d}.{extension}"
"""Names of the parts of a month of history; ``date`` is its first day."""


def first_day(settings: Settings) -> date:
    """Return the first day that is sent by its changes."""
    return settings.datasets.first_day or settings.tenant.start_date


def history_windows(settings: Settings) -> dict[Month, Window]:
    """Return the months of the initial full load, oldest first, with their windows; the last may be a begun one."""
    windows = months(settings.datasets.history_months, first_day(settings), settings.zone)
    return {_month(window, settings): window for window in windows}


def partition_window(settings: Settings, dataset: Dataset, partition: date) -> Window:
    """Return the window of any partition of a data set: a month of history, a day or an hour.

    Raises:
        KeyError: the month is none of the history.
    """
    if isinstance(partition, Month):
        return history_windows(settings)[partition]
    return window_of(settings.datasets, dataset, partition, settings.zone)


def partitions_within(month: Window, zone: ZoneInfo, *, hourly: bool) -> tuple[date, ...]:
    """Return the days, or hours of UTC, that the window of a month of history is made of, oldest first.

    An hour in which one month ends and the next begins, as it is in zones of half an hour, is of the next one.
    """
    return tuple(
        takewhile(lambda each: time_of(each, zone).end <= month.end, _from(month.start, zone, hourly=hourly))
    )


def _from(start: datetime, zone: ZoneInfo, *, hourly: bool) -> Iterator[date]:
    first = start.astimezone(UTC).replace(minute=0, tzinfo=None) if hourly else start.astimezone(zone).date()
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    return (first + step * number for number in count())


def month_start(month: Month) -> datetime:
    """Return the moment (UTC) that the names of a month's files carry."""
    return datetime.combine(month, time(), UTC)


def _month(window: Window, settings: Settings) -> Month:
    start = window.start.astimezone(settings.zone)
    return Month(start.year, start.month, 1)
