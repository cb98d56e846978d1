"""The options by which a command is told of which days it is for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from optimove_pipeline.config import Settings
from optimove_pipeline.periods import DEFAULT_DAYS, Days, Predefined, TimePeriod, time_period

R = TypeVar("R")

_DAY = click.DateTime(["%Y-%m-%d"])

_OPTIONS = (
    click.option("--days", type=int, help=f"The last closed days.  [default: {DEFAULT_DAYS}]"),
    click.option("--from", "first", type=_DAY, help="First day."),
    click.option("--to", "last", type=_DAY, help="Last day.  [default: yesterday]"),
    click.option("--period", metavar="NAME", help=f"Days by name: {', '.join(Predefined)}."),
    click.option("--days-back", type=int, default=0, help="Days before these that are pulled with them."),
    click.option(
        "--timezone-offset", type=float, default=0.0, metavar="HOURS", help="Move the tenant's clock, e.g. -2."
    ),
)


def period_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of a period; it is called with ``time_period``, a ``TimePeriod``.

    Raises, when called, SettingsError: an option's value can't be, or two of them contradict each other.
    """

    @wraps(command)
    def wrapped(
        *,
        days: int | None,
        first: datetime | None,
        last: datetime | None,
        period: str | None,
        days_back: int,
        timezone_offset: float,
        **others: Any,
    ) -> R:
        return command(time_period=_period(period, first, last, days, days_back, timezone_offset), **others)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def chosen_days(settings: Settings, period: TimePeriod) -> Days:
    """Return the first and the last day of a period now. Raises as ``TimePeriod.days`` does."""
    return period.days(datetime.now(settings.zone), settings.zone, settings.tenant.start_date)


def _period(
    period: str | None,
    first: datetime | None,
    last: datetime | None,
    days: int | None,
    days_back: int,
    offset_hours: float,
) -> TimePeriod:
    return time_period(
        period=period,
        first=first.date() if first else None,
        last=last.date() if last else None,
        days=days,
        days_back=days_back,
        offset_hours=offset_hours,
        call=lambda name: f"--{name.replace('_', '-')}",
    )
