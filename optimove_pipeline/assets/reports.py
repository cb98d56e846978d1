"""The factory of a report's assets, each partitioned by day."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from time import perf_counter
from typing import Any

import dagster as dg

from optimove_pipeline.assets.contract_checks import check_results, check_specs
from optimove_pipeline.assets.delivery import delivery_assets, report_passage
from optimove_pipeline.assets.filters import ReportConfig
from optimove_pipeline.assets.metadata import column_schema, history_plot, preview
from optimove_pipeline.assets.outcomes import Days, Metadata, report_days
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.snapshots import absent_past_days, asked_for_alone, past_days
from optimove_pipeline.assets.stage_asset import key, stage_asset
from optimove_pipeline.errors import BusyError, ContractError, SettingsError
from optimove_pipeline.feeds import attribute_column
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.reports.report import Report
from optimove_pipeline.session import Session
from optimove_pipeline.settings.narrowing import narrow
from optimove_pipeline.settings.reports import Filters
from optimove_pipeline.stages.publish import publish, publish_quarantine
from optimove_pipeline.stages.validate import Validation, validate

logger = logging.getLogger(__name__)


def report_assets(
    report: Report, partitions: dg.DailyPartitionsDefinition, policy: dg.BackfillPolicy, targets: tuple[str, ...]
) -> list[dg.AssetsDefinition]:
    """Return the assets of a report's stages; without ``targets`` the last of them is ``published``."""
    assets = [stage(report, partitions, policy) for stage in (_extracted, _validated, _published)]
    if targets:
        assets += delivery_assets(report, partitions, policy, targets, report_passage(report))
    return assets


def _asset(
    stage: str,
    report: Report,
    partitions: dg.DailyPartitionsDefinition,
    policy: dg.BackfillPolicy,
    *,
    deps: Sequence[dg.AssetKey],
    kinds: set[str],
    checks: Sequence[dg.AssetCheckSpec] = (),
) -> Callable[[Callable[..., dg.MaterializeResult[Any]]], dg.AssetsDefinition]:
    return stage_asset(
        stage,
        report,
        partitions,
        policy,
        deps=deps,
        kinds=kinds,
        description=_description(stage, report),
        metadata={"report": report.number, "function": report.function},
        tags={"optimove/snapshot": ""} if report.snapshot else None,
        checks=checks,
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


def _extracted(
    report: Report, partitions: dg.DailyPartitionsDefinition, policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    @_asset(
        "report",
        report,
        partitions,
        policy,
        deps=[key("report", name) for name in report.upstream],
        kinds={"python", "api"},
    )
    def extracted(
        context: dg.AssetExecutionContext, config: ReportConfig, optimove: OptimoveResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        given = config.filters.given()
        filters = _narrowed(session, report, given)
        waited_before = session.waited_seconds
        asked = as_days(context.partition_keys)
        skipped = past_days(session, report, asked)
        outcome = session.extract(report, [day for day in asked if day not in skipped.days], filters)
        waited = session.waited_seconds - waited_before
        days = Days(missing=dict(outcome.failed), skipped=skipped)
        plot = history_plot(session.staging.counts("report", report.name))
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
                "filters": filters.model_dump(mode="json", exclude_defaults=True),
                "filters of this run alone": ", ".join(given) or "none",
            }
        needed = not _replaceable(context, session, report)
        return report_days(context, days, needed=needed, alone=asked_for_alone(context))

    return extracted


def _narrowed(session: Session, report: Report, given: Mapping[str, Any]) -> Filters:
    """Return the filters of a run.

    Raises:
        Failure: those given in the launchpad can't be.
    """
    try:
        return narrow(session.settings.reports.filters, given, f"the filters of report/{report.name} in this run")
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _replaceable(context: dg.AssetExecutionContext, session: Session, report: Report) -> bool:
    """Return whether reports of the same run do without this one's day: they read the newest snapshot held."""
    readers = {key("report", other.name) for other in REPORTS if report.name in other.upstream}
    run_has_readers = not readers.isdisjoint(context.job_def.asset_layer.executable_asset_keys)
    return report.snapshot and run_has_readers and session.staging.newest("report", report.name) is not None


def _validated(
    report: Report, partitions: dg.DailyPartitionsDefinition, policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    @_asset(
        "validated",
        report,
        partitions,
        policy,
        deps=[key("report", report.name)],
        kinds={"polars"},
        checks=check_specs(key("validated", report.name)),
    )
    def validated(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        asked = as_days(context.partition_keys)
        days = Days(skipped=absent_past_days(session, report, asked, "report"))
        validations = dict[date, Validation]()

        def work(day: date) -> Metadata:
            try:
                validations[day] = _validate(session, report, day)
            except ContractError:
                _set_aside(optimove, report, day)
                raise
            return _validation_metadata(session, report, day, validations[day])

        days.each(asked, work)
        history = session.staging.counts("validated", report.name)
        days.made = {day: {**made, "rows per day": history_plot(history)} for day, made in days.made.items()}
        return report_days(context, days, check_results(validations, history), alone=asked_for_alone(context))

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


def _published(
    report: Report, partitions: dg.DailyPartitionsDefinition, policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    @_asset("published", report, partitions, policy, deps=[key("validated", report.name)], kinds={"duckdb"})
    def published(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        asked = as_days(context.partition_keys)
        days = Days(skipped=absent_past_days(session, report, asked, "validated"))

        def opened(day: date) -> Metadata:
            session.staging.open("validated", report.name, day)
            return {}

        days.each(asked, opened)
        if days.made:
            begun = perf_counter()
            result = publish(report, [*days.made], session.staging, optimove.warehouse, session.run_id)
            seconds = round(perf_counter() - begun, 3)
            for day in days.made:
                days.made[day] = {
                    "dagster/row_count": result.rows[day],
                    "dagster/table_name": result.table,
                    "seconds": seconds,
                }
        return report_days(context, days, alone=asked_for_alone(context))

    return published
