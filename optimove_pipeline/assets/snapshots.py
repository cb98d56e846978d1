"""Days of a snapshot that are past: a run over many days skips them instead of failing one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import dagster as dg

from optimove_pipeline.assets.outcomes import Skipped
from optimove_pipeline.errors import ForbiddenError
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.report import Report
from optimove_pipeline.reports.snapshots import note_update, noted_update, only_day
from optimove_pipeline.session import Session


def past_days(session: Session, report: Report, days: Sequence[date]) -> Skipped:
    """Return the days of which a snapshot can't be fetched any more; asks the API for its last data update."""
    if not report.snapshot:
        return Skipped()
    try:
        updated = session.last_data_update()
    except ForbiddenError:
        # Extraction asks again, and says of each day what that means for it.
        return Skipped()
    note_update(session.settings.data_dir, updated)
    return Skipped(tuple(day for day in days if day < updated), only_day(report, updated))


def absent_past_days(session: Session, report: Report, days: Sequence[date], upstream: str) -> Skipped:
    """Return the days of a snapshot that are past and not held by the stage ``upstream``, nor by extraction."""
    updated = noted_update(session.settings.data_dir) if report.snapshot else None
    if updated is None:
        return Skipped()
    stages = {upstream, "report"}
    absent = [day for day in days if not any(session.staging.find(stage, report.name, day) for stage in stages)]
    return Skipped(tuple(day for day in absent if day < updated), only_day(report, updated))


def asked_for_alone(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run is for one day of one feed or of snapshot reports alone: a person wants just that."""
    names = {key.path[-1] for key in context.job_def.asset_layer.executable_asset_keys}
    only_snapshots = all(name in BY_NAME and BY_NAME[name].snapshot for name in names)
    return (
        (only_snapshots or len(names) == 1)
        and len(context.partition_keys) == 1
        and "dagster/backfill" not in context.run.tags
    )
