"""The runs that days take once they are there: each day itself, and the days before that still change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from optimove_pipeline.automation.requests import Request
from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.reports.planning import read_upstream

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """What is there already: the ``published`` days of a report, and whether a report's day is ``staged``."""

    published: Callable[[str], Collection[date]]
    staged: Callable[[str, date], bool]


def open_days(settings: Settings, settled: date | None, target: date, held: Held) -> list[date]:
    """Return the days to look for, oldest first, up to ``target`` and at most ``readiness.catch_up_days`` before it.

    Days up to ``settled`` were requested before. Where that is not known, the days begin with the first that is not
    published since the first that is; a new data directory begins with ``target`` alone.
    """
    earliest = max(settings.tenant.start_date, target - settings.readiness.catch_up_days * _DAY)
    first = _first_missing(settings, earliest, target, held) if settled is None else max(settled + _DAY, earliest)
    return [*_days(first, target)]


def _first_missing(settings: Settings, earliest: date, target: date, held: Held) -> date:
    reports = settings.reports.selected()
    dated = [report for report in reports if not report.snapshot]
    published = [day for report in reports for day in held.published(report.name) if day <= target]
    day = max(earliest, min(published, default=target))
    while day <= target and all(
        day in held.published(report.name) for report in (dated if day < target else reports)
    ):
        day += _DAY
    return day


def requests_for(settings: Settings, days: Sequence[date], updated: date | None, held: Held) -> list[Request]:
    """Return the requests for days that are there, oldest first, then those of the days before that still change.

    A day is requested for the reports that are not published; snapshots only if it is ``updated``, the day of the
    last data update (None: not known). A report with a look-back of N days reads the N days before again, where they
    are published, so are not requested as well. Upstream reports come along only where staging does not hold them.
    """
    requests = [_of_day(settings, day, updated, held) for day in days]
    return [*(request for request in requests if request.reports), *_look_backs(settings, days, held)]


def _of_day(settings: Settings, day: date, updated: date | None, held: Held) -> Request:
    missing = {
        report.name
        for report in settings.reports.selected()
        if (not report.snapshot or day == updated) and day not in held.published(report.name)
    }
    reason = f"the tenant's data reach to {updated}" if updated else "the readiness time has come"
    return _request(settings, missing, (day, day), held, f"{day} is there: {reason}", f"daily/{day}")


def _look_backs(settings: Settings, days: Sequence[date], held: Held) -> Iterator[Request]:
    by_range: dict[tuple[date, date], set[str]] = defaultdict(set)
    for report in settings.reports.selected():
        if not report.snapshot:
            reach = settings.reports.of(report).look_back or 0
            before = {day - back * _DAY for day in days for back in range(1, reach + 1)}
            for span in _ranges(before.intersection(held.published(report.name))):
                by_range[span].add(report.name)
    for first, last in sorted(by_range):
        names = by_range[first, last]
        reason = f"these reports still change: read again with {days[-1]}"
        yield _request(settings, names, (first, last), held, reason, f"look-back/{days[-1]}/{first}/{last}")


def _request(
    settings: Settings, names: set[str], span: tuple[date, date], held: Held, reason: str, key: str
) -> Request:
    first, last = span
    needed = _with_upstream(settings, names, [*_days(first, last)], held)
    reports = tuple(report.name for report in settings.reports.selected() if report.name in needed)
    return Request(reports, first, last, CallClass.DAILY, reason, key)


def _with_upstream(settings: Settings, names: set[str], days: Iterable[date], held: Held) -> set[str]:
    """Return the reports with those that they read and staging doesn't hold; of snapshots any held will do."""
    reports = {report.name: report for report in settings.reports.selected()}
    found = {*names}
    while (
        more := {
            name
            for report in found
            for name in read_upstream(reports[report], settings.reports)
            if not reports[name].snapshot and not all(held.staged(name, day) for day in days)
        }
        - found
    ):
        found |= more
    return found


def _ranges(days: Collection[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each stretch without a gap, in order."""
    ordered = sorted(days)
    for first in (day for day in ordered if day - _DAY not in days):
        last = first
        while last + _DAY in days:
            last += _DAY
        yield first, last


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY
