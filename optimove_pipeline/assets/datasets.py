"""The factory of a data set's assets, each partitioned by day or by hour."""

from collections.abc import Collection
from datetime import date
from typing import Any

import dagster as dg

from optimove_pipeline.assets.contract_checks import check_results, check_specs
from optimove_pipeline.assets.dataset_delivery import dataset_passage
from optimove_pipeline.assets.dataset_partitions import (
    extract_partition,
    extraction_metadata,
    past_snapshots,
    publish_partitions,
    show_quarantine,
    unreadable_snapshots,
    validate_partition,
    validation_metadata,
)
from optimove_pipeline.assets.delivery import delivery_assets
from optimove_pipeline.assets.metadata import history_plot
from optimove_pipeline.assets.outcomes import Days, Metadata, report_days
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.rebuilt import as_it_was, as_it_was_check
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.snapshots import asked_for_alone
from optimove_pipeline.assets.stage_asset import key, stage_asset
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.extraction import Extracted
from optimove_pipeline.datasets.known import DATASET
from optimove_pipeline.datasets.validation import DatasetValidation
from optimove_pipeline.errors import ContractError


def dataset_assets(
    dataset: Dataset,
    partitions: dg.PartitionsDefinition[str],
    policy: dg.BackfillPolicy,
    targets: tuple[str, ...],
    apart: Collection[str] = (),
    awaited: tuple[str, ...] = (),
) -> list[dg.AssetsDefinition]:
    """Return the assets of a data set's stages; without ``targets`` the last of them is ``published``.

    ``apart`` are the names of data sets with another cadence, ``awaited`` those packaged before this one is sent.
    """
    assets = [
        _extracted(dataset, partitions, policy),
        _validated(dataset, partitions, policy, apart),
        _published(dataset, partitions, policy),
    ]
    if targets:
        assets += delivery_assets(dataset, partitions, policy, targets, dataset_passage(dataset, awaited))
    return assets


def _extracted(
    dataset: Dataset, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    asset_key = key(DATASET, dataset.name)

    @stage_asset(
        DATASET,
        dataset,
        partitions,
        policy,
        deps=[],
        kinds={"sql"},
        description=f"{dataset.title}, as the source has it: what changed in the partition's window, or all rows.",
        checks=[as_it_was_check(asset_key)],
    )
    def extracted(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, asked = optimove.session, as_days(context.partition_keys)
        # What is held can't be read again, and need not be.
        days = Days(skipped=unreadable_snapshots(session, dataset, asked))
        lost = past_snapshots(session, dataset, asked, DATASET).days
        done = dict[date, Extracted]()

        def work(day: date) -> Metadata:
            done[day] = extract_partition(session, dataset, day)
            return {
                **extraction_metadata(done[day]),
                "rows per partition": history_plot(session.staging.counts(DATASET, dataset.name, day)),
            }

        days.each(asked, work)
        return report_days(context, days, [as_it_was(done)], alone=bool(lost) and asked_for_alone(context))

    return extracted


def _referred(name: str, apart: Collection[str]) -> dg.AssetDep:
    # Days and hours have no time zone in common; and what is referred to may be of any time.
    mapping = dg.AllPartitionMapping() if name in apart else None
    return dg.AssetDep(key("published", name), partition_mapping=mapping)


def _validated(
    dataset: Dataset, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy, apart: Collection[str]
) -> dg.AssetsDefinition:
    @stage_asset(
        "validated",
        dataset,
        partitions,
        policy,
        # Published, not validated: a run over many days finds what earlier days of it hold.
        deps=[
            key(DATASET, dataset.name),
            *(_referred(name, apart) for name in dataset.referred),
        ],
        kinds={"polars"},
        description=f"{dataset.title} as Optimove's rules allow it; rows that broke them are in quarantine.",
        checks=check_specs(key("validated", dataset.name)),
    )
    def validated(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, asked = optimove.session, as_days(context.partition_keys)
        days = Days(skipped=past_snapshots(session, dataset, asked, DATASET))
        validations = dict[date, DatasetValidation]()

        def work(day: date) -> Metadata:
            try:
                validations[day] = validate_partition(optimove, dataset, day)
            except ContractError:
                show_quarantine(optimove, dataset, day)
                raise
            return validation_metadata(session, dataset, day, validations[day])

        days.each(asked, work)
        history = session.staging.counts("validated", dataset.name, asked[0])
        days.made = {day: {**made, "rows per partition": history_plot(history)} for day, made in days.made.items()}
        checks = check_results(validations, history)
        return report_days(context, days, checks, alone=asked_for_alone(context))

    return validated


def _published(
    dataset: Dataset, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    @stage_asset(
        "published",
        dataset,
        partitions,
        policy,
        deps=[key("validated", dataset.name)],
        kinds={"duckdb"},
        description=f"{dataset.title} in the warehouse, as it is sent: table {dataset.table_name}.",
    )
    def published(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, asked = optimove.session, as_days(context.partition_keys)
        days = Days(skipped=past_snapshots(session, dataset, asked, "validated"))

        def opened(day: date) -> dict[str, Any]:
            session.staging.open("validated", dataset.name, day)
            return {}

        days.each(asked, opened)
        if days.made:
            days.made = dict(publish_partitions(optimove, dataset, [*days.made]))
        return report_days(context, days, alone=asked_for_alone(context))

    return published
