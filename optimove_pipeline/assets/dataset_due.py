"""The standing check ``due`` of every published data set: the partition that was due by now is there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg

from optimove_pipeline.assets.due_check import DUE, LAST
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.partition_keys import partition_key


def dataset_due_check(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.AssetChecksDefinition:
    """Return the check of all data sets, which one step judges."""
    names = {key("published", dataset.name): dataset.name for dataset in settings.chosen_datasets}
    specs = {
        f"published__{name}__{DUE}": dg.AssetCheckSpec(
            DUE, asset=asset, description="The day, or hour, that was due by now is published."
        )
        for asset, name in names.items()
    }

    @dg.op(
        name="due_data_sets",
        description="Looks whether the day, or hour, that was due by now is published.",
        out={name: dg.Out(is_required=False) for name in specs},
        tags=LAST,
    )
    def due_data_sets(context: dg.OpExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for check in sorted(context.selected_asset_check_keys):
            yield judge(context.instance, settings, names[check.asset_key], now())

    # No inputs: it is judged in a run that publishes one data set of two as well.
    check: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={}, node_def=due_data_sets, check_specs_by_output_name=specs, can_subset=True
    )
    return check


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
