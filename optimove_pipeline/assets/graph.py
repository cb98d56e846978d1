"""The graph: assets, checks, job and resources of the reports that the settings select."""

from __future__ import annotations

import dagster as dg
from dagster_duckdb import DuckDBResource

from optimove_pipeline.assets.due_check import due_check
from optimove_pipeline.assets.freshness import with_freshness
from optimove_pipeline.assets.partitions import backfill_policy, daily_partitions
from optimove_pipeline.assets.reconciliation import reconciliation_checks
from optimove_pipeline.assets.reports import report_assets
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.selection import stage_keys
from optimove_pipeline.config import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the assets, checks and job of the reports that the settings select."""
    partitions, policy = daily_partitions(settings), backfill_policy(settings)
    reports = settings.reports.selected()
    duckdb = DuckDBResource(database=str(settings.warehouse_path))
    return dg.Definitions(
        assets=with_freshness(
            [
                asset
                for report in reports
                for asset in report_assets(
                    report, partitions, policy, settings.delivery.of(report.name, is_report=True)
                )
            ],
            settings,
        ),
        asset_checks=[*reconciliation_checks(reports, partitions), due_check(settings)],
        jobs=[dg.define_asset_job("reports", selection=stage_keys(settings, (report.name for report in reports)))],
        resources={"optimove": OptimoveResource(duckdb=duckdb), "duckdb": duckdb},
        # A step process costs seconds of CPU and gives nothing: the API is the limit.
        executor=dg.in_process_executor,
    )
