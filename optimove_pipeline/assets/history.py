"""The initial full load of a data set: one asset that takes each month of its history from source to targets."""

from datetime import UTC, date, datetime

import dagster as dg

from optimove_pipeline.assets.dataset_delivery import dataset_passage
from optimove_pipeline.assets.dataset_partitions import (
    extract_partition,
    publish_partitions,
    show_quarantine,
    validate_partition,
)
from optimove_pipeline.assets.delivery import DeliveryConfig, copy_records, deliver_partition
from optimove_pipeline.assets.outcomes import Days, Metadata, report_days
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.stage_asset import key, stage_asset
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.history import history_windows
from optimove_pipeline.errors import ContractError
from optimove_pipeline.partition_keys import MONTH_FORMAT, partition_key

HISTORY = "history"


def history_partitions(settings: Settings, now: datetime | None = None) -> dg.MonthlyPartitionsDefinition:
    """Return the months of the initial full load, of which those are offered that are over.

    The last one may end before its month does, with the first day that is sent by its changes. It is over then, which
    Dagster does not know: it is told so if that day has begun by ``now``.
    """
    months = history_windows(settings)
    last, window = [*months.items()][-1]
    is_over = window.end <= (now or datetime.now(UTC))
    after = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    return dg.MonthlyPartitionsDefinition(
        start_date=partition_key(min(months)),
        end_date=f"{after:{MONTH_FORMAT}}",
        fmt=MONTH_FORMAT,
        timezone="UTC",
        end_offset=1 if is_over else 0,
    )


def history_asset(
    dataset: Dataset, months: dg.MonthlyPartitionsDefinition, policy: dg.BackfillPolicy, targets: tuple[str, ...]
) -> dg.AssetsDefinition:
    """Return the asset of a data set's history; what it refers to comes first, all of its months."""
    passage = dataset_passage(dataset)

    @stage_asset(
        HISTORY,
        dataset,
        months,
        policy,
        deps=[key(HISTORY, name) for name in dataset.referred],
        kinds={"sql", "file"},
        description=f"{dataset.title} before its first day: the initial full load, month by month, to its targets.",
    )
    def history(
        context: dg.AssetExecutionContext, config: DeliveryConfig, optimove: OptimoveResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, days = optimove.session, Days()

        def work(month: date) -> Metadata:
            extract_partition(session, dataset, month)
            try:
                validation = validate_partition(optimove, dataset, month)
            except ContractError:
                show_quarantine(optimove, dataset, month)
                raise
            told = publish_partitions(optimove, dataset, [month])[month]
            told |= {"rows in quarantine": validation.quarantined, "broken rules": validation.by_rule}
            if not targets:
                return told
            passage.make(session, month)
            return told | deliver_partition(session, dataset, month, targets, passage, config.redeliver or None)

        days.each(as_days(context.partition_keys), work)
        copy_records(optimove)
        return report_days(context, days)

    return history
