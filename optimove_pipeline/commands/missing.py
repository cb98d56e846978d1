"""Runs narrowed to what is not published yet, so that a long backfill goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.evidence import Wanted
from optimove_pipeline.reports.known import STAGE
from optimove_pipeline.reports.report import Report
from optimove_pipeline.runs import Planned
from optimove_pipeline.staging import Staging

Published = Mapping[str, frozenset[date]]
"""The days that are published, by report."""


def days_by_report(planned: Sequence[Planned]) -> Wanted:
    """Return the days that runs take of each report, oldest first, the reports in their order."""
    wanted: dict[Report, list[date]] = {}
    for each in planned:
        for report in each.reports:
            wanted.setdefault(report, []).extend(days_of(each))
    return {report: sorted(days) for report, days in wanted.items()}


def days_of(planned: Planned) -> list[date]:
    """Return the days of a run."""
    return [planned.first + timedelta(days=past) for past in range((planned.last - planned.first).days + 1)]


def only_missing(
    planned: Sequence[Planned], published: Published, staged: Callable[[Report, date], bool]
) -> Iterator[Planned]:
    """Yield the runs without reports that are published for all their days, and without days that all have.

    What is left of a run goes from its first missing day to its last, so days between them may be taken again. A
    report that another one reads is kept unless its rows of all these days are still ``staged``.
    """
    for each in planned:
        missing = {
            report.name: [day for day in days_of(each) if day not in published.get(report.name, ())]
            for report in each.reports
        }
        days = sorted(day for of_report in missing.values() for day in of_report)
        if days:
            left = Planned(each.reports, days[0], days[-1])
            needed = _with_upstream({name for name, of_report in missing.items() if of_report}, left, staged)
            yield Planned(tuple(report for report in each.reports if report.name in needed), left.first, left.last)


def narrowed(planned: Sequence[Planned], published: Published, staging: Staging) -> list[Planned]:
    """Return the runs as ``only_missing`` leaves them, with what ``staging`` holds."""
    return [*only_missing(planned, published, lambda report, day: staging.find(STAGE, report.name, day) is not None)]


def _with_upstream(names: set[str], run: Planned, staged: Callable[[Report, date], bool]) -> set[str]:
    needed, unread = set(names), [*names]
    while unread:
        for upstream in (BY_NAME[name] for name in BY_NAME[unread.pop()].upstream if name not in needed):
            # Of a snapshot the newest held is read, or it is looked up.
            if not upstream.snapshot and not all(staged(upstream, day) for day in days_of(run)):
                needed.add(upstream.name)
                unread.append(upstream.name)
    return needed
