"""What estimates rest on, read from what is held: partitions in staging and look-ups kept. No call is made here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PartitionError
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.estimates import NEAREST_DAYS, Extracted, Key
from optimove_pipeline.reports.known import STAGE, known
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.planning import plan, read_upstream
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.reports import Reports
from optimove_pipeline.staging import Staging

Wanted = Mapping[Report, Sequence[date]]
"""Reports and the days that they are wanted for, oldest first."""


def extracted(reports: Iterable[Report], staging: Staging) -> dict[Key, Extracted]:
    """Return what each day held in staging took when it was extracted."""
    return {
        (report.name, day): Extracted(partition.metadata["calls"], partition.metadata["pages"])
        for report in reports
        for day in staging.days(STAGE, report.name)
        if (partition := staging.find(STAGE, report.name, day)) is not None
    }


def planned(wanted: Wanted, settings: Settings, staging: Staging, lookups: Lookups) -> dict[Key, int]:
    """Return how many calls the plans of reports have, without further pages, of the days whose upstream is held.

    Besides the days wanted, days near to them are counted of a report that none was extracted of.
    """
    return asyncio.run(_planned(wanted, settings.reports, staging, lookups))


async def _planned(wanted: Wanted, settings: Reports, staging: Staging, lookups: Lookups) -> dict[Key, int]:
    counts: dict[Key, int] = {}
    for report, days in wanted.items():
        dated = [name for name in read_upstream(report, settings) if not BY_NAME[name].snapshot]
        if dated:
            plannable = _plannable(report, dated, days, staging)
            counts |= {(report.name, day): await _calls(report, day, settings, staging, lookups) for day in plannable}
        elif days:
            # What such a plan reads has no date, so that all days have the same.
            try:
                calls = await _calls(report, days[0], settings, staging, lookups)
            except PartitionError:
                continue
            counts |= {(report.name, day): calls for day in days}
    return counts


async def _calls(report: Report, day: date, settings: Reports, staging: Staging, lookups: Lookups) -> int:
    return len(plan(report, day, settings, await known(report, day, settings, staging, lookups)))


def _plannable(report: Report, dated: Sequence[str], days: Sequence[date], staging: Staging) -> Iterator[date]:
    """Yield the days whose upstream reports are all held: those wanted, and near ones if they tell more."""
    held = set[date].intersection(*(set(staging.days(STAGE, name)) for name in dated))
    yield from held.intersection(days)
    if days and not staging.days(STAGE, report.name):
        yield from sorted(held.difference(days), key=lambda day: abs(day - days[-1]))[:NEAREST_DAYS]
