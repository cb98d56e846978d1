"""The one partition definition and the one backfill policy of every feed and stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import dagster as dg

from optimove_pipeline.config import Settings

DAYS_PER_RUN = 31
"""The most days that one run of a backfill takes at once: a month, so that its start-up cost is under a tenth."""

BACKFILL_POLICY = dg.BackfillPolicy.multi_run(DAYS_PER_RUN)


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Return the tenant's closed business days since its start date."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.tenant.start_date.isoformat(), timezone=settings.tenant.timezone
    )


class _HasRun(Protocol):
    @property
    def run(self) -> dg.DagsterRun: ...


def days_of_run(context: _HasRun, partitions: dg.DailyPartitionsDefinition) -> list[date]:
    """Return the days of a run, also inside an asset check, which is not told of a range."""
    tags = context.run.tags
    single = tags.get("dagster/partition")
    if single:
        return [date.fromisoformat(single)]
    keys = dg.PartitionKeyRange(
        tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]
    )
    return as_days(partitions.get_partition_keys_in_range(keys))


def as_days(keys: Sequence[str]) -> list[date]:
    """Return partition keys as days."""
    return [date.fromisoformat(key) for key in keys]
