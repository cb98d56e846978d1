"""The sensor that takes skipped days of snapshots out of backfills, which Dagster would call failed for them.

To Dagster, a partition that a backfill asked for and no run made has failed, even if every run succeeded. A backfill
over a range of days asks for the past days of snapshots too, and its runs skip these. Once such a backfill has ended,
nothing but this sensor changes it any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill

from optimove_pipeline.assets.selection import PULLED, SENT
from optimove_pipeline.config import Settings
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.snapshots import noted_update

NEWEST_BACKFILLS = 20
"""Failed backfills that are looked at; each is judged once."""

_INTERVAL_SECONDS = 30


def skipped_in_backfills(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor; it asks the API nothing."""

    @dg.sensor(
        name="skipped_in_backfills",
        description="Takes past days of snapshots, which runs skip, out of backfills that ended without them.",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        judged = set(json.loads(context.cursor or "[]"))
        failed = BulkActionsFilter(statuses=[BulkActionStatus.COMPLETED_FAILED])
        backfills = context.instance.get_backfills(filters=failed, limit=NEWEST_BACKFILLS)
        corrected = [
            backfill.backfill_id
            for backfill in backfills
            if backfill.backfill_id not in judged and _correct(context, settings, backfill)
        ]
        context.update_cursor(json.dumps([backfill.backfill_id for backfill in backfills]))
        return dg.SkipReason(f"taken out of {', '.join(corrected)}" if corrected else "no such backfill")

    return sensor


def _correct(context: dg.SensorEvaluationContext, settings: Settings, backfill: PartitionBackfill) -> bool:
    """Take skipped days out of a backfill; return whether there were any."""
    updated, repository = noted_update(settings.data_dir), context.repository_def
    if updated is None or repository is None or not backfill.is_asset_backfill:
        return False
    if _has_failed_run(context.instance, backfill.backfill_id):
        return False
    data = backfill.get_asset_backfill_data(repository.asset_graph)
    skipped = AssetGraphSubset.from_asset_partition_set({*_skipped(data, updated)}, repository.asset_graph)
    if skipped.is_empty:
        return False
    rest = data.failed_and_downstream_subset - skipped
    kept = data._replace(
        target_subset=data.target_subset - skipped,
        requested_subset=data.requested_subset - skipped,
        failed_and_downstream_subset=rest,
    )
    changed = backfill.with_asset_backfill_data(kept, context.instance, repository.asset_graph)
    status = BulkActionStatus.COMPLETED_SUCCESS if rest.is_empty else BulkActionStatus.COMPLETED_FAILED
    context.instance.update_backfill(changed._replace(status=status))
    return True


def _has_failed_run(instance: dg.DagsterInstance, backfill_id: str) -> bool:
    """Return whether a run ended early: what it did not make was not skipped."""
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    return instance.get_runs_count(dg.RunsFilter(tags={"dagster/backfill": backfill_id}, statuses=statuses)) > 0


def _skipped(data: AssetBackfillData, updated: date) -> Iterator[AssetKeyPartitionKey]:
    """Yield the days of snapshots that were not made and lie before the last data update."""
    for each in data.failed_and_downstream_subset.iterate_asset_partitions():
        stage, report = each.asset_key.path[0], BY_NAME.get(each.asset_key.path[-1])
        ours = stage in PULLED + SENT and report is not None and report.snapshot
        if ours and each.partition_key and date.fromisoformat(each.partition_key) < updated:
            yield each
