"""The standing check ``due`` of every published data set: the partition that was due by now is there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg

from optimove_pipeline.assets.due_check import DUE, standing_check
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.partition_keys import partition_key


def dataset_due_check(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.AssetChecksDefinition:
    """Return the check of all data sets, which one step judges."""

    def judged(instance: dg.DagsterInstance, names: list[str]) -> Iterator[dg.AssetCheckResult]:
        for name in names:
            yield judge(instance, settings, name, now())

    names = [dataset.name for dataset in settings.chosen_datasets]
    return standing_check("due_data_sets", "day, or hour,", names, judged)


def judge(instance: dg.DagsterInstance, settings: Settings, dataset: str, now: datetime) -> dg.AssetCheckResult:
    """Return whether the partition of a data set that was due by ``now`` is there, or lies before the first one."""
    asset, cadence = key("published", dataset), cadence_of(settings, dataset)
    due = cadence.due(now)
    held = as_days(sorted(instance.get_materialized_partitions(asset)))
    there = due in held or (bool(held) and min(held) > due)
    late = f"{partition_key(due)} is not published, and was due by {cadence.late_at(due):%Y-%m-%d %H:%M} UTC"
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=DUE,
        passed=there,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{partition_key(due)} is there" if there else f"{late}: look at its runs",
    )
