"""The factory of a report's assets: ``report``, ``validated`` and ``published``, each partitioned by day."""

import logging
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from time import perf_counter
from typing import Any

import dagster as dg

from optimove_pipeline.assets.contract_checks import check_results, check_specs
from optimove_pipeline.assets.metadata import column_schema, history_plot, preview
from optimove_pipeline.assets.outcomes import Days, complete_check, report_days
from optimove_pipeline.assets.partitions import BACKFILL_POLICY, as_days
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.errors import BusyError, ContractError, PipelineError
from optimove_pipeline.feeds import attribute_column
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.reports.report import Report
from optimove_pipeline.session import Session
from optimove_pipeline.stages.publish import publish, publish_quarantine
from optimove_pipeline.stages.validate import Validation, validate

logger = logging.getLogger(__name__)


def key(stage: str, feed: str) -> dg.AssetKey:
    """Return the asset key of a feed at a stage."""
    return dg.AssetKey([stage, feed])


def report_assets(report: Report, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the assets of a report's stages."""
    return [_extracted(report, partitions), _validated(report, partitions), _published(report, partitions)]


def _asset(
    stage: str,
    report: Report,
    partitions: dg.DailyPartitionsDefinition,
    *,
    deps: Sequence[dg.AssetKey],
    kinds: set[str],
    checks: Sequence[dg.AssetCheckSpec] = (),
) -> Callable[[Callable[..., dg.MaterializeResult[Any]]], dg.AssetsDefinition]:
    """Return the decorator of a stage's asset, alike for all stages but for what is given."""
    asset_key = key(stage, report.name)
    # `backfill_policy` is a beta parameter; each of our assets would say so at every start.
    with warnings.catch_warnings(action="ignore", category=dg.BetaWarning):
        return dg.asset(
            key=asset_key,
            deps=deps,
            partitions_def=partitions,
            backfill_policy=BACKFILL_POLICY,
            group_name=report.group,
            kinds=kinds,
            description=_description(stage, report),
            metadata={"report": report.number, "function": report.function},
            tags={"optimove/snapshot": ""} if report.snapshot else None,
            check_specs=[complete_check(asset_key), *checks],
        )


def _description(stage: str, report: Report) -> str:
    what = {
        "report": f"Report {report.number}, {report.title}, as the API gives it: one call per {report.over}.",
        "validated": f"{report.title} with the contract's types; rows that broke it are in quarantine.",
        "published": f"{report.title} in the warehouse: table optimove.{report.name}.",
    }[stage]
    if report.snapshot and stage == "report":
        return f"{what} A snapshot: only the day of the tenant's last data update can be had."
    return what


def _extracted(report: Report, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @_asset(
        "report",
        report,
        partitions,
        deps=[key("report", name) for name in report.upstream],
        kinds={"python", "api"},
    )
    def extracted(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        waited_before = session.waited_seconds
        outcome = session.extract(report, as_days(context.partition_keys))
        waited = session.waited_seconds - waited_before
        days = Days(missing=dict(outcome.failed))
        plot = history_plot(_counts(session, "report", report.name))
        for day, done in outcome.extracted.items():
            spent = session.journal.tallies[report.name, day]
            days.made[day] = {
                "dagster/row_count": done.rows,
                "calls": spent.calls,
                "planned calls": done.calls,
                "pages": done.pages,
                "bytes": done.size,
                "API seconds": round(spent.seconds, 3),
                "seconds waited for the budget": round(waited, 3),
                "rows per day": plot,
            }
        return report_days(context, days, needed=not _replaceable(context, session, report))

    return extracted


def _replaceable(context: dg.AssetExecutionContext, session: Session, report: Report) -> bool:
    """Return whether reports of the same run do without this one's day: they read the newest snapshot held."""
    readers = {key("report", other.name) for other in REPORTS if report.name in other.upstream}
    run_has_readers = not readers.isdisjoint(context.job_def.asset_layer.executable_asset_keys)
    return report.snapshot and run_has_readers and session.staging.newest("report", report.name) is not None


def _validated(report: Report, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @_asset(
        "validated",
        report,
        partitions,
        deps=[key("report", report.name)],
        kinds={"polars"},
        checks=check_specs(key("validated", report.name)),
    )
    def validated(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        days, validations = Days(), {}
        for day in as_days(context.partition_keys):
            try:
                validations[day] = _validate(session, report, day)
            except ContractError as error:
                days.missing[day] = error
                _set_aside(optimove, report, day)
            except PipelineError as error:
                days.missing[day] = error
        history = _counts(session, "validated", report.name)
        plot = history_plot(history)
        for day, validation in validations.items():
            days.made[day] = {**_validation_metadata(session, report, day, validation), "rows per day": plot}
        return report_days(context, days, check_results(validations, history))

    return validated


def _set_aside(optimove: OptimoveResource, report: Report, day: date) -> None:
    """Show the broken rows of a day that is held back in the warehouse, and let the next run ask for it anew."""
    session = optimove.session
    session.landing.discard(report.name, day)
    try:
        publish_quarantine(report, day, session.staging, optimove.warehouse, session.run_id)
    except BusyError as error:
        logger.warning("The quarantine of %s of %s is not in the warehouse yet: %s", report.name, day, error)


def _validate(session: Session, report: Report, day: date) -> Validation:
    own = session.settings.reports.of(report)
    return validate(
        report,
        day,
        session.staging,
        tolerated_share=own.tolerated_share or 0.0,
        attributes=[attribute_column(name) for name in own.attributes or ()],
    )


def _validation_metadata(session: Session, report: Report, day: date, validation: Validation) -> dict[str, Any]:
    partition = session.staging.open("validated", report.name, day)
    return {
        "dagster/row_count": validation.rows,
        "rows received": validation.rows_in,
        "rows in quarantine": validation.quarantined,
        "rows repeated between pages": validation.repeated_rows,
        "broken rules": validation.by_rule,
        "unknown columns": ", ".join(validation.unknown_columns) or "none",
        "dagster/column_schema": column_schema(report, validation.columns),
        "preview": preview(report, partition, personal=session.settings.warehouse.preview),
    }


def _published(report: Report, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @_asset("published", report, partitions, deps=[key("validated", report.name)], kinds={"duckdb"})
    def published(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        days, ready = Days(), []
        for day in as_days(context.partition_keys):
            try:
                session.staging.open("validated", report.name, day)
            except PipelineError as error:
                days.missing[day] = error
            else:
                ready.append(day)
        if ready:
            begun = perf_counter()
            result = publish(report, ready, session.staging, optimove.warehouse, session.run_id)
            seconds = perf_counter() - begun
            for day in ready:
                days.made[day] = {
                    "dagster/row_count": result.rows[day],
                    "dagster/table_name": result.table,
                    "seconds": round(seconds, 3),
                }
        return report_days(context, days)

    return published


def _counts(session: Session, stage: str, feed: str) -> dict[date, int]:
    staging = session.staging
    days = staging.days(stage, feed)
    return {day: partition.rows for day in days if (partition := staging.find(stage, feed, day))}
