"""The graph: assets, checks, job and resources of the reports and data sets that the settings select."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster_duckdb import DuckDBResource

from optimove_pipeline.assets.dataset_due import dataset_due_check
from optimove_pipeline.assets.datasets import dataset_assets
from optimove_pipeline.assets.due_check import due_check
from optimove_pipeline.assets.freshness import dataset_freshness, freshness_policy, with_freshness
from optimove_pipeline.assets.history import history_asset, history_partitions
from optimove_pipeline.assets.partitions import backfill_policy, daily_partitions, hourly_partitions
from optimove_pipeline.assets.reconciliation import reconciliation_checks
from optimove_pipeline.assets.reports import report_assets
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.selection import stage_keys
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.day_files import awaited
from optimove_pipeline.datasets.history import first_day


def build_definitions(settings: Settings, *, reports: bool = True, datasets: bool = True) -> dg.Definitions:
    """Return the assets, checks and job of the reports and data sets that the settings select.

    A run of one kind alone does without the other: each feed takes a while to define.
    """
    duckdb = DuckDBResource(database=str(settings.warehouse_path))
    own = dg.Definitions(
        resources={"optimove": OptimoveResource(duckdb=duckdb), "duckdb": duckdb},
        # A step process costs seconds of CPU and gives nothing: the API is the limit.
        executor=dg.in_process_executor,
    )
    kinds = [_of_reports(settings)] if reports else []
    if datasets and (chosen := settings.chosen_datasets):
        kinds.append(_of_datasets(settings, chosen))
    return dg.Definitions.merge(own, *kinds)


def _of_reports(settings: Settings) -> dg.Definitions:
    partitions, policy = daily_partitions(settings), backfill_policy(settings)
    reports = settings.reports.selected()
    assets = [
        asset
        for report in reports
        for asset in report_assets(report, partitions, policy, settings.delivery.of(report.name, is_report=True))
    ]
    return dg.Definitions(
        assets=with_freshness(assets, freshness_policy(settings)),
        asset_checks=[*reconciliation_checks(reports, partitions), due_check(settings)],
        jobs=[dg.define_asset_job("reports", selection=stage_keys(settings, (report.name for report in reports)))],
    )


def _of_datasets(settings: Settings, datasets: Sequence[Dataset]) -> dg.Definitions:
    return dg.Definitions(
        assets=_dataset_assets(settings, datasets, backfill_policy(settings)),
        asset_checks=[dataset_due_check(settings)],
    )


def _dataset_assets(
    settings: Settings, datasets: Sequence[Dataset], policy: dg.BackfillPolicy
) -> list[dg.AssetsDefinition]:
    first = first_day(settings)
    daily, hourly, months = (
        daily_partitions(settings, first),
        hourly_partitions(settings, first),
        history_partitions(settings),
    )
    assets = list[dg.AssetsDefinition]()
    for dataset in datasets:
        targets = settings.delivery.of(dataset.name, is_report=False)
        cadence = settings.datasets.of(dataset.name).cadence
        apart = [each.name for each in datasets if settings.datasets.of(each.name).cadence != cadence]
        partitions = hourly if cadence == "hourly" else daily
        together = tuple(each.name for each in awaited(settings, dataset, datasets))
        own = dataset_assets(dataset, partitions, policy, targets, apart, together)
        assets += with_freshness(own, dataset_freshness(settings, dataset.name))
        if dataset.load is Load.CHANGES:
            assets.append(history_asset(dataset, months, policy, targets))
    return assets
