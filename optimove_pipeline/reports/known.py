"""What a plan is computed from: upstream rows in staging, and the look-ups that no report holds."""

from __future__ import annotations

import asyncio
from datetime import date

import polars as pl

from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.planning import Known, needs_lookup, read_upstream
from optimove_pipeline.reports.report import Over, Report
from optimove_pipeline.settings.reports import Reports
from optimove_pipeline.staging import Staging

STAGE = "report"
"""The stage whose partitions hold a report as the API gave it."""


async def known(report: Report, day: date, settings: Reports, staging: Staging, lookups: Lookups) -> Known:
    """Return what the plan of a report for a day needs, looking up what no report holds.

    Raises:
        PartitionError: an upstream report of the day is not there, or a look-up is not held and may not be made.
    """
    rows = {name: await _upstream(name, day, settings, staging, lookups) for name in read_upstream(report, settings)}
    if not needs_lookup(report, settings.filters):
        return Known(rows)
    if report.over is Over.LIFECYCLE_STAGE:
        return Known(rows, lifecycle_stages=await lookups.lifecycle_stages())
    return Known(rows, activity_events=await lookups.activity_events())


async def _upstream(name: str, day: date, settings: Reports, staging: Staging, lookups: Lookups) -> pl.LazyFrame:
    """Return the upstream rows of the day; of a snapshot the newest held, or failing that a look-up."""
    upstream = BY_NAME[name]
    held = staging.newest(STAGE, name) if upstream.snapshot else day
    if held is None:
        return await lookups.snapshot(upstream, settings.of(upstream).function or upstream.function)
    partition = await asyncio.to_thread(staging.open, STAGE, name, held)
    return partition.scan([column.name for column in upstream.columns])
