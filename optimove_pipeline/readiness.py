"""Readiness: the moment from which a day's data is expected to be complete, and the one at which it is late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings


def ended_at(settings: Settings, day: date) -> datetime:
    """Return the moment (UTC) at which a business day ends in the tenant's time zone."""
    return datetime.combine(day + timedelta(days=1), time(), settings.zone).astimezone(UTC)


def ready_at(settings: Settings, day: date) -> datetime:
    """Return the moment (UTC) from which a business day is looked for.

    It is the first moment of the readiness time at which the day has ended in the tenant's time zone.
    """
    ended = ended_at(settings, day)
    at = datetime.combine(ended.date(), settings.readiness.at, UTC)
    return at if at >= ended else at + timedelta(days=1)


def late_at(settings: Settings, day: date) -> datetime:
    """Return the moment (UTC) at which a business day is late."""
    return ready_at(settings, day) + timedelta(hours=settings.readiness.deadline_hours)


def expected_day(settings: Settings, now: datetime) -> date:
    """Return the newest business day that is looked for by ``now``; it may lie before the tenant's first day."""
    return _newest(now, lambda day: ready_at(settings, day))


def due_day(settings: Settings, now: datetime) -> date:
    """Return the newest business day that is late by ``now`` if it is not there; it may lie before the first day."""
    return _newest(now, lambda day: late_at(settings, day))


def closed_day(settings: Settings, moment: datetime) -> date:
    """Return the newest business day that has ended in the tenant's time zone by ``moment``."""
    return moment.astimezone(settings.zone).date() - timedelta(days=1)


def next_question(settings: Settings, asked_at: datetime | None, day: date, now: datetime) -> datetime:
    """Return when it is to be asked whether a day is there; ``now`` if it is time to, or was never done.

    That is ``readiness.poll_minutes`` after it was last asked, or once more at the day's readiness time and deadline.
    """
    return next_poll(settings, asked_at, (ready_at(settings, day), late_at(settings, day)), now)


def next_poll(settings: Settings, asked_at: datetime | None, moments: Sequence[datetime], now: datetime) -> datetime:
    """Return when to ask next: at the interval of the settings, and once more at each of the ``moments``."""
    if asked_at is None or asked_at > now:  # in the future: the clock was set back
        return now
    polled = asked_at + timedelta(minutes=settings.readiness.poll_minutes)
    return min([polled, *(moment for moment in moments if moment > asked_at)])


def coming(settings: Settings, day: date) -> str:
    """Return from when on a day is looked for, in words."""
    return f"{day} is looked for from {ready_at(settings, day):%Y-%m-%d %H:%M} UTC on"


def outlook(settings: Settings, now: datetime) -> str:
    """Return what happens by itself from now on, and when, in words for a person."""
    expected = expected_day(settings, now)
    after = expected + timedelta(days=1)
    return (
        f"Reports are pulled by themselves: {expected} now, unless that was done; {after} once Optimove has its "
        f"data, which is asked from {ready_at(settings, after):%Y-%m-%d %H:%M} UTC on, every "
        f"{settings.readiness.poll_minutes} minutes. It is late from {late_at(settings, after):%H:%M} UTC on. To "
        "stop this, switch off the sensor report_readiness in the UI, under Automation."
    )


def _newest(now: datetime, moment: Callable[[date], datetime]) -> date:
    day = now.astimezone(UTC).date() + timedelta(days=1)
    while moment(day) > now:
        day -= timedelta(days=1)
    return day
