"""The graph: assets, checks, job and resources of the reports and data sets that the settings select."""

from __future__ import annotations

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
from optimove_pipeline.datasets.dataset import Load
from optimove_pipeline.datasets.day_files import awaited
from optimove_pipeline.datasets.history import first_day


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the assets, checks and job of the reports and data sets that the settings select."""
    partitions, policy = daily_partitions(settings), backfill_policy(settings)
    reports = settings.reports.selected()
    duckdb = DuckDBResource(database=str(settings.warehouse_path))
    return dg.Definitions(
        assets=[
            *with_freshness(
                [
                    asset
                    for report in reports
                    for asset in report_assets(
                        report, partitions, policy, settings.delivery.of(report.name, is_report=True)
                    )
                ],
                freshness_policy(settings),
            ),
            *_dataset_assets(settings, policy),
        ],
        asset_checks=[
            *reconciliation_checks(reports, partitions),
            due_check(settings),
            *([dataset_due_check(settings)] if settings.chosen_datasets else []),
        ],
        jobs=[dg.define_asset_job("reports", selection=stage_keys(settings, (report.name for report in reports)))],
        resources={"optimove": OptimoveResource(duckdb=duckdb), "duckdb": duckdb},
        # A step process costs seconds of CPU and gives nothing: the API is the limit.
        executor=dg.in_process_executor,
    )


def _dataset_assets(settings: Settings, policy: dg.BackfillPolicy) -> list[dg.AssetsDefinition]:
    datasets = settings.chosen_datasets
    if not datasets:
        return []
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
