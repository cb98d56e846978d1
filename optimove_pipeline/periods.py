"""Periods of time and the chunks that they are cut into: what the command line, schedules and the launchpad share.

A period is worked out anew for each run, in the tenant's days. *Today* is the day that it is in the tenant's time
zone, and the *last closed day* is the one before: only closed days can be pulled. Weeks go from Monday to Sunday.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.chunks import Chunk

Days = tuple[date, date]
"""The first and the last day of a range, both included."""

LONGEST_DAYS = 3660
"""The most days that can be named by their number: ten years."""

LEAST_OFFSET, MOST_OFFSET = -12.0, 14.0
"""Hours: between these lie all offsets from UTC that are in use."""

DEFAULT_DAYS = 3
"""Days that are pulled if nobody says which."""

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class Predefined(StrEnum):
    """Periods known by name; each is defined at the function of the same name, with its last day included."""

    YESTERDAY = "yesterday"
    WEEK_TO_DATE = "week_to_date"
    PREVIOUS_WEEK = "previous_week"
    PREVIOUS_WEEK_TO_DATE = "previous_week_to_date"
    MONTH_TO_DATE = "month_to_date"
    PREVIOUS_MONTH = "previous_month"
    PREVIOUS_MONTH_TO_DATE = "previous_month_to_date"
    YEAR_TO_DATE = "year_to_date"


@dataclass(frozen=True, slots=True)
class DateRange:
    """From ``first`` to ``last``, the end included; without an end up to the last closed day."""

    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True)
class LastDays:
    """``count`` days in a row, of which the newest is ``last``, or without it the last closed day."""

    count: int
    last: date | None = None


@dataclass(frozen=True, slots=True)
class TimePeriod:
    """A period, worked out anew for each run.

    Attributes:
        span: the days themselves.
        days_back: days before the span that are pulled with it, for reports whose past still changes.
        offset_hours: moves the tenant's clock before it is read: with -2 a day closes two hours after midnight.
    """

    span: DateRange | LastDays | Predefined
    days_back: int = 0
    offset_hours: float = 0.0

    def days(self, now: datetime, zone: ZoneInfo, start_date: date) -> Days:
        """Return the first and the last day at the moment ``now`` (with a zone) for a tenant of this time zone.

        A period that begins before the tenant's ``start_date`` begins there, unless a person named its first day.

        Raises:
            SettingsError: there is no closed day in it, it reaches beyond the last closed day, or it lies before
                the tenant's first day.
        """
        today = (now.astimezone(UTC) + timedelta(hours=self.offset_hours)).astimezone(zone).date()
        first, last = self._span(today)
        if first > last:
            raise SettingsError(f"the period begins on {first}, after its end, {last}")
        closed = now.astimezone(zone).date() - _DAY
        if last > closed:
            raise SettingsError(f"the period ends on {last}: only closed days can be pulled, the last is {closed}")
        named = isinstance(self.span, DateRange)
        if (first if named else last) < start_date:
            raise SettingsError(f"the period {first} to {last} begins before tenant.start_date, {start_date}")
        return max(_before(first, self.days_back), start_date), last

    def _span(self, today: date) -> Days:
        if isinstance(self.span, DateRange):
            return self.span.first, self.span.last or today - _DAY
        if isinstance(self.span, LastDays):
            last = self.span.last or today - _DAY
            return _before(last, self.span.count - 1), last
        return _PREDEFINED[self.span](today)


def _before(day: date, days: int) -> date:
    """Return a day so many days earlier, or the calendar's first."""
    return date.fromordinal(max(day.toordinal() - days, 1))


def yesterday(today: date) -> Days:
    """The last closed day alone."""
    return today - _DAY, today - _DAY


def week_to_date(today: date) -> Days:
    """Monday of this week to the last closed day. On a Monday no day of it is closed, which is an error."""
    return _to_date(Predefined.WEEK_TO_DATE, _monday(today), today)


def previous_week(today: date) -> Days:
    """Monday to Sunday of the week before this one."""
    return _monday(today) - _WEEK, _monday(today) - _DAY


def previous_week_to_date(today: date) -> Days:
    """As many days of the week before as this week has closed ones: Monday to the weekday of the last closed day.

    On a Monday that is an error, as it is of ``week_to_date``.
    """
    first, last = _to_date(Predefined.PREVIOUS_WEEK_TO_DATE, _monday(today), today)
    return first - _WEEK, last - _WEEK


def month_to_date(today: date) -> Days:
    """The 1st of this month to the last closed day. On a 1st no day of it is closed, which is an error."""
    return _to_date(Predefined.MONTH_TO_DATE, today.replace(day=1), today)


def previous_month(today: date) -> Days:
    """The 1st to the last day of the month before this one."""
    last = today.replace(day=1) - _DAY
    return last.replace(day=1), last


def previous_month_to_date(today: date) -> Days:
    """The 1st of the month before to the day of the month that the last closed day is, or that month's end if sooner.

    On March 31 that ends on February 28 or 29. On a 1st it is an error, as it is of ``month_to_date``.
    """
    _, last = _to_date(Predefined.PREVIOUS_MONTH_TO_DATE, today.replace(day=1), today)
    first, end = previous_month(today)
    return first, end.replace(day=min(last.day, end.day))


def year_to_date(today: date) -> Days:
    """January 1 of this year to the last closed day. On a January 1 no day of it is closed, which is an error."""
    return _to_date(Predefined.YEAR_TO_DATE, today.replace(month=1, day=1), today)


_PREDEFINED: dict[Predefined, Callable[[date], Days]] = {
    Predefined.YESTERDAY: yesterday,
    Predefined.WEEK_TO_DATE: week_to_date,
    Predefined.PREVIOUS_WEEK: previous_week,
    Predefined.PREVIOUS_WEEK_TO_DATE: previous_week_to_date,
    Predefined.MONTH_TO_DATE: month_to_date,
    Predefined.PREVIOUS_MONTH: previous_month,
    Predefined.PREVIOUS_MONTH_TO_DATE: previous_month_to_date,
    Predefined.YEAR_TO_DATE: year_to_date,
}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _to_date(name: Predefined, first: date, today: date) -> Days:
    if first == today:
        raise SettingsError(f"{name} has no closed day yet on {today}: it begins that day; run it a day later")
    return first, today - _DAY


def time_period(
    *,
    period: str | None = None,
    first: date | None = None,
    last: date | None = None,
    days: int | None = None,
    days_back: int = 0,
    offset_hours: float = 0.0,
    call: Callable[[str], str] = str,
) -> TimePeriod:
    """Return the period that a person asks for by options; without any of them the last three days.

    ``call`` gives an option (``period``, ``from``, ``to``, ``days``, ``days_back``, ``timezone_offset``) the name by
    which the person knows it, for messages.

    Raises:
        SettingsError: an option's value can't be, or two of them contradict each other.
    """
    _check_range(call("days"), days, 1, LONGEST_DAYS)
    _check_range(call("days_back"), days_back, 0, LONGEST_DAYS)
    _check_range(call("timezone_offset"), offset_hours, LEAST_OFFSET, MOST_OFFSET)
    for one, other in (("period", "from"), ("period", "to"), ("period", "days"), ("days", "from")):
        given = {"period": period, "from": first, "to": last, "days": days}
        if given[one] is not None and given[other] is not None:
            raise SettingsError(f"{call(one)} and {call(other)}: give one of them")
    if period is not None:
        return TimePeriod(_predefined(call("period"), period), days_back, offset_hours)
    if first is not None:
        return TimePeriod(DateRange(first, last), days_back, offset_hours)
    return TimePeriod(LastDays(days or DEFAULT_DAYS, last), days_back, offset_hours)


def _predefined(name: str, text: str) -> Predefined:
    if text not in [*Predefined]:
        raise SettingsError(f"{name} {text}: no such period; expected one of {', '.join(Predefined)}")
    return Predefined(text)


def _check_range(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{name} {value:g}: expected {least:g} to {most:g}")


def chunks(first: date, last: date, chunk: Chunk) -> Iterator[Days]:
    """Yield the chunks of a range of days, oldest first; together they are the range, and none overlaps another.

    Days are counted from ``first``; months and years are those of the calendar, so that the first and the last chunk
    may be shorter. Size 4 of 2020-01-01 to 2020-01-08 gives 01 to 04 and 05 to 08; two months from 2020-01-15 on
    give that day to 02-29, then 03-01 to 04-30.
    """
    while first <= last:
        end = min(_end(first, chunk), last) if chunk.interval != "none" else last
        yield first, end
        first = end + _DAY


def most_days(chunk: Chunk) -> int | None:
    """Return the number of days that no chunk exceeds; None if a range is left whole."""
    longest = {"daily": 1, "monthly": 31, "yearly": 366}
    return None if chunk.interval == "none" else longest[chunk.interval] * chunk.length


def _end(first: date, chunk: Chunk) -> date:
    """Return the last day of the chunk that begins with ``first``."""
    if chunk.interval == "daily":
        return first + timedelta(days=chunk.length - 1)
    if chunk.interval == "yearly":
        return date(first.year + chunk.length - 1, 12, 31)
    years, month = divmod(first.month - 1 + chunk.length - 1, 12)
    year = first.year + years
    return date(year, month + 1, monthrange(year, month + 1)[1])
