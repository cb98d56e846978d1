"""How many calls a report takes for a range of days, before any of them is made, and how sure that is.

A plan counts calls, but not their further pages, and needs the upstream rows of the day. So an estimate is exact
where those rows are held and nothing is paged; else it rests on days that were extracted before; else on what the
catalogue tells of the report, which is little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from statistics import fmean
from typing import TypeVar

from optimove_pipeline.config import Settings
from optimove_pipeline.reports.report import Over, Report

T = TypeVar("T")

Key = tuple[str, date]
"""A report's name and a day."""

NEAREST_DAYS = 28
"""So many days of history, the nearest to the day that is estimated, or a third of it if of the same weekday."""

FEWEST_WEEKDAYS = 3
"""So many days of the same weekday make these the measure, rather than all days: campaigns follow the week."""

UNKNOWN_WEEKDAY = 2.0
"""A day whose weekday is not known takes between half of the least and double the most that other days took."""


class Basis(IntEnum):
    """What an estimate rests on, the surest first."""

    EXACT = 0
    HISTORY = 1
    CATALOGUE = 2


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a day took when it was extracted: planned calls, and their pages, each of them a call to the API."""

    calls: int
    pages: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the calls of reports and days.

    ``planned`` counts the calls of plans made from held rows, without their further pages; ``extracted`` is told by
    partitions in staging; ``made`` counts the different calls recorded of days that were published.
    """

    planned: Mapping[Key, int] = field(default_factory=dict)
    extracted: Mapping[Key, Extracted] = field(default_factory=dict)
    made: Mapping[Key, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The calls that a report will take for ``days`` days: ``calls`` likely, from ``low`` to ``high``.

    ``exact_days`` of the days are exact, the others rest on ``basis``, the least sure of all days: on the history of
    ``history_days`` days, or on the catalogue. Calls that fail and are tried again come on top.
    """

    days: int
    calls: int
    low: int
    high: int
    exact_days: int
    history_days: int
    basis: Basis

    def __str__(self) -> str:
        if self.basis is Basis.EXACT:
            return "exact"
        rest = f"from history ({_days(self.history_days)})" if self.basis is Basis.HISTORY else "from the catalogue"
        return f"exact for {self.exact_days} of {_days(self.days)}, else {rest}" if self.exact_days else rest


def _days(number: int) -> str:
    return f"{number} {'day' if number == 1 else 'days'}"


@dataclass(frozen=True, slots=True)
class _Spread:
    """A number that is not known for sure, and the days that it was learnt from."""

    low: float
    likely: float
    high: float
    basis: Basis = Basis.EXACT
    learnt: frozenset[date] = frozenset()

    def times(self, other: _Spread) -> _Spread:
        return _Spread(
            self.low * other.low,
            self.likely * other.likely,
            self.high * other.high,
            max(self.basis, other.basis),
            self.learnt | other.learnt,
        )


def _assumed(low: float, likely: float, high: float) -> _Spread:
    return _Spread(low, likely, high, Basis.CATALOGUE)


_ASSUMED_CALLS: Mapping[Over, _Spread] = {
    Over.TARGET_GROUP: _assumed(0, 20, 100),
    Over.CAMPAIGN: _assumed(0, 20, 100),
    Over.SENT_CAMPAIGN: _assumed(0, 20, 100),
    Over.ONE_TIME_CAMPAIGN: _assumed(0, 10, 100),
    Over.CAMPAIGN_CHANNEL: _assumed(0, 25, 200),
    Over.CHANNEL: _assumed(1, 4, 15),
    Over.CHANNEL_EVENT: _assumed(8, 32, 120),
    Over.ACTIVITY_EVENT: _assumed(0, 10, 50),
    Over.LIFECYCLE_STAGE: _assumed(1, 5, 20),
    Over.ACTION_PAIR: _assumed(0, 30, 400),
}
"""Calls of a day of a tenant of whom nothing is known; what the others iterate over is known from the settings."""

_PAGES_OF_ALL = _assumed(1, 5, 50)
_PAGES_OF_PART = _assumed(1, 2, 5)
_OVER_ALL_CUSTOMERS = {Over.DAY, Over.SNAPSHOT, Over.LIFECYCLE_STAGE, Over.CHANGED_ATTRIBUTE, Over.ACTIVITY_EVENT}


def estimate(report: Report, days: Iterable[date], evidence: Evidence, settings: Settings) -> Estimate:
    """Return the calls that a report takes for the days, each of which can be had."""
    history = _History(report, evidence, settings)
    spreads = [history.of(day) for day in days]
    learnt = frozenset[date]().union(*(spread.learnt for spread in spreads))
    return Estimate(
        days=len(spreads),
        calls=round(sum(spread.likely for spread in spreads)),
        low=math.floor(sum(spread.low for spread in spreads)),
        high=math.ceil(sum(spread.high for spread in spreads)),
        exact_days=sum(spread.basis is Basis.EXACT for spread in spreads),
        history_days=len(learnt),
        basis=max((spread.basis for spread in spreads), default=Basis.EXACT),
    )


class _History:
    """What is known of one report."""

    def __init__(self, report: Report, evidence: Evidence, settings: Settings) -> None:
        self._report = report
        self._paged = bool(settings.reports.of(report).paged)
        # Days that still change, and pages that end where an earlier one was longer, may take other calls again.
        self._repeatable = not settings.reports.of(report).look_back and settings.api.stop_at == "empty_page"
        self._planned = _of(report, evidence.planned)
        self._extracted = _of(report, evidence.extracted)
        self._made = _of(report, evidence.made)
        self._pages = self._pages_of_a_call()
        self._took = self._calls_by_day()

    def of(self, day: date) -> _Spread:
        planned = self._planned.get(day)
        if planned is not None:
            return self._with_pages(day, planned)
        before = self._made.get(day) if day not in self._extracted else self._extracted[day].pages
        if before is not None:
            return _near(before, day)
        return _usual(day, self._took) or self._unknown()

    def _with_pages(self, day: date, planned: int) -> _Spread:
        if not self._paged or not planned:
            return _Spread(planned, planned, planned)
        before = self._extracted.get(day)
        if before is not None and before.calls == planned and self._repeatable:
            return _Spread(before.pages, before.pages, before.pages)
        return _Spread(planned, planned, planned).times(self._pages)

    def _unknown(self) -> _Spread:
        calls = _ASSUMED_CALLS.get(self._report.over, _assumed(1, 1, 1))
        return calls.times(self._pages)

    def _pages_of_a_call(self) -> _Spread:
        if not self._paged:
            return _Spread(1, 1, 1)
        took = {day: each for day, each in self._extracted.items() if each.calls}
        if not took:
            return _PAGES_OF_ALL if self._report.over in _OVER_ALL_CUSTOMERS else _PAGES_OF_PART
        ratios = [each.pages / each.calls for each in took.values()]
        likely = sum(each.pages for each in took.values()) / sum(each.calls for each in took.values())
        low, high = _widened(ratios)
        return _Spread(max(low, 1.0), likely, high, Basis.HISTORY, frozenset(took))

    def _calls_by_day(self) -> dict[date, float]:
        """Return the calls that days took, or would take by the plan that their held rows give."""
        by_plan = {} if self._pages.basis is Basis.CATALOGUE else self._planned
        planned = {day: calls * self._pages.likely for day, calls in by_plan.items()}
        return planned | self._made | {day: each.pages for day, each in self._extracted.items()}


def _of(report: Report, found: Mapping[Key, T]) -> dict[date, T]:
    return {day: value for (name, day), value in found.items() if name == report.name}


def _near(calls: float, day: date) -> _Spread:
    """Return the calls of a day that was asked for before: a tenth more or less may have become of them."""
    off = max(1.0, calls / 10)
    return _Spread(max(calls - off, 0), calls, calls + off, Basis.HISTORY, frozenset({day}))


def _usual(day: date, took: Mapping[date, float]) -> _Spread | None:
    """Return what days near to this one took, of the same weekday where enough of them are known."""
    near = sorted(took, key=lambda other: abs(other - day))
    same = [other for other in near if other.weekday() == day.weekday()][: NEAREST_DAYS // 3]
    if len(same) >= FEWEST_WEEKDAYS:
        low, high = _widened([took[other] for other in same])
        return _spread(low, high, same, took)
    if not near:
        return None
    counts = [took[other] for other in near[:NEAREST_DAYS]]
    return _spread(min(counts) / UNKNOWN_WEEKDAY, max(counts) * UNKNOWN_WEEKDAY, near[:NEAREST_DAYS], took)


def _spread(low: float, high: float, days: Sequence[date], took: Mapping[date, float]) -> _Spread:
    return _Spread(low, fmean(took[day] for day in days), high, Basis.HISTORY, frozenset(days))


def _widened(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the most, further apart the fewer values there are: the next may well lie outside."""
    part = 1 / (len(values) + 1)
    return min(values) * (1 - part), max(values) * (1 + part)
