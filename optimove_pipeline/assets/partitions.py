"""The one partition definition and the one backfill policy of every feed and stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import dagster as dg

from optimove_pipeline.cadence import first_hour
from optimove_pipeline.config import Settings
from optimove_pipeline.partition_keys import HOUR_FORMAT, partition_key, partition_of
from optimove_pipeline.periods import most_days


def daily_partitions(settings: Settings, first: date | None = None) -> dg.DailyPartitionsDefinition:
    """Return the tenant's closed business days since the ``first`` day, or else its start date."""
    start = first or settings.tenant.start_date
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone=settings.tenant.timezone)


def hourly_partitions(settings: Settings, first: date) -> dg.HourlyPartitionsDefinition:
    """Return the closed hours (UTC) since the ``first`` business day."""
    start = first_hour(first, settings.zone)
    return dg.HourlyPartitionsDefinition(start_date=partition_key(start), fmt=HOUR_FORMAT, timezone="UTC")


def backfill_policy(settings: Settings) -> dg.BackfillPolicy:
    """Return how many days one run of a backfill takes at most: those of the settings' longest chunk."""
    most = most_days(settings.reports.chunk)
    return dg.BackfillPolicy.single_run() if most is None else dg.BackfillPolicy.multi_run(most)


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
    """Return partition keys as days, or as hours where they are."""
    return [*map(partition_of, keys)]
