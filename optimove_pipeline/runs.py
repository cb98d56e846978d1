"""Which runs a range of days takes: the newest day first, then the days before it in chunks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from optimove_pipeline.errors import ForbiddenError, PartitionError
from optimove_pipeline.periods import chunks
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.chunks import Chunk

if TYPE_CHECKING:  # importing it imports the API's client
    from optimove_pipeline.session import Session

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """One Dagster run: reports and the days it takes together, the last included."""

    reports: tuple[Report, ...]
    first: date
    last: date


def plan_runs(reports: Sequence[Report], first: date, last: date, updated: date, chunk: Chunk) -> Iterator[Planned]:
    """Yield the runs for a range of days: ``last`` alone, then the days before it in chunks, the newest chunk first.

    Snapshots can only be had of the day ``updated``, the tenant's last data update. That day comes with all
    reports, other days with those that have a date, which find the snapshots' channels and actions there.

    Raises:
        PartitionError: none of the days can be had.
    """
    dated = tuple(report for report in reports if not report.snapshot)
    last = min(last, updated)
    if last < first or (last < updated and not dated):
        raise PartitionError(
            f"none of the days from {first} on can be had: the tenant's last data update is of {updated}"
            + ("" if dated else ", and a snapshot can only be had of that day")
        )
    yield Planned(tuple(reports) if last == updated else dated, last, last)
    if dated:
        for since, until in reversed([*chunks(first, last - timedelta(days=1), chunk)]):
            yield Planned(dated, since, until)


def data_reach(session: Session, closed: date) -> date:
    """Ask the API how far the tenant's data reach.

    A key that may not ask this (reference, section 1.2) may still be good for reports: then it is ``closed``, the
    last closed day. Raises otherwise as ``Session.last_data_update`` does.
    """
    try:
        return session.last_data_update()
    except ForbiddenError as error:
        logger.warning("How far the tenant's data reach is not known, so snapshots fail: %s", error)
        return closed
