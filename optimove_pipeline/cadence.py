"""How often a feed has a partition: business days, or hours; when each is looked for, and when it is late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from optimove_pipeline.readiness import due_day, ended_at, expected_day, late_at, ready_at

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

_HOUR = timedelta(hours=1)


class Cadence(Protocol):
    """The partitions of a feed in time. Moments are in UTC, with their zone."""

    def ended_at(self, partition: date) -> datetime:
        """Return the moment at which a partition's time has passed."""

    def ready_at(self, partition: date) -> datetime:
        """Return the moment from which a partition is looked for."""

    def late_at(self, partition: date) -> datetime:
        """Return the moment at which a partition is late."""

    def expected(self, now: datetime) -> date:
        """Return the newest partition that is looked for by now; it may lie before the tenant's first day."""

    def due(self, now: datetime) -> date:
        """Return the newest partition that is late by now if it is not there; it may lie before the first day."""

    def after(self, partition: date) -> date:
        """Return the next partition."""

    def caught_up(self, first: date, newest: date) -> Iterator[date]:
        """Yield the partitions from ``first`` on that are looked for while ``newest`` is the one expected."""


@dataclass(frozen=True, slots=True)
class Daily:
    """A partition is a business day of the tenant; the settings' readiness says when it is looked for."""

    settings: Settings

    def ended_at(self, partition: date) -> datetime:
        """Return the end of the day in the tenant's time zone."""
        return ended_at(self.settings, partition)

    def ready_at(self, partition: date) -> datetime:
        """Return the readiness time after the day's end."""
        return ready_at(self.settings, partition)

    def late_at(self, partition: date) -> datetime:
        """Return the day's deadline."""
        return late_at(self.settings, partition)

    def expected(self, now: datetime) -> date:
        """Return the newest day that is looked for by now."""
        return expected_day(self.settings, now)

    def due(self, now: datetime) -> date:
        """Return the newest day whose deadline has passed."""
        return due_day(self.settings, now)

    def after(self, partition: date) -> date:
        """Return the next day."""
        return partition + timedelta(days=1)

    def caught_up(self, first: date, newest: date) -> Iterator[date]:
        """Yield days, ``readiness.catch_up_days`` back at most."""
        day = max(self.settings.tenant.start_date, first, newest - timedelta(self.settings.readiness.catch_up_days))
        while day <= newest:
            yield day
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hourly:
    """A partition is an hour (UTC); it is looked for ``delay`` after its end, and late ``patience`` after that."""

    settings: Settings
    delay: timedelta
    patience: timedelta

    def ended_at(self, partition: date) -> datetime:
        """Return the end of the hour."""
        return _hour(partition) + _HOUR

    def ready_at(self, partition: date) -> datetime:
        """Return the delay after the hour's end."""
        return self.ended_at(partition) + self.delay

    def late_at(self, partition: date) -> datetime:
        """Return the hour's deadline."""
        return self.ready_at(partition) + self.patience

    def expected(self, now: datetime) -> date:
        """Return the newest hour that is looked for by now."""
        latest = now.astimezone(UTC) - self.delay - _HOUR
        return latest.replace(minute=0, second=0, microsecond=0, tzinfo=None)

    def due(self, now: datetime) -> date:
        """Return the newest hour whose deadline has passed."""
        return self.expected(now - self.patience)

    def after(self, partition: date) -> date:
        """Return the next hour."""
        return (_hour(partition) + _HOUR).replace(tzinfo=None)

    def caught_up(self, first: date, newest: date) -> Iterator[date]:
        """Yield hours, ``readiness.catch_up_days`` back at most."""
        start = _hour(first_hour(self.settings.tenant.start_date, self.settings.zone))
        earliest = _hour(newest) - timedelta(self.settings.readiness.catch_up_days)
        hour = max(start, earliest, _hour(first))
        while hour <= _hour(newest):
            yield hour.replace(tzinfo=None)
            hour += _HOUR


def first_hour(day: date, zone: ZoneInfo) -> datetime:
    """Return the hour (UTC, naive) in which a business day begins, be it at half past."""
    start = datetime.combine(day, datetime.min.time(), zone)
    return start.astimezone(UTC).replace(minute=0, second=0, tzinfo=None)


def _hour(partition: date) -> datetime:
    if not isinstance(partition, datetime):
        raise TypeError(f"{partition} is a day, expected an hour")
    return partition.replace(tzinfo=UTC)
