"""The factory of the stages that feeds of both ways share: ``packaged`` and ``delivered``."""

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg

from optimove_pipeline.assets.outcomes import Days, report_days
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.snapshots import absent_past_days, asked_for_alone
from optimove_pipeline.assets.stage_asset import key, stage_asset
from optimove_pipeline.deliveries_table import copy_ledger
from optimove_pipeline.errors import BusyError, PipelineError
from optimove_pipeline.feeds import Feed
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import Package, open_package, package_folder
from optimove_pipeline.readiness import ready_at
from optimove_pipeline.reports.report import Report
from optimove_pipeline.session import Session
from optimove_pipeline.stages.deliver import Delivered, deliver
from optimove_pipeline.stages.package import package
from optimove_pipeline.targets.opening import open_target

CHANGED = "the day was read again and has changed"

logger = logging.getLogger(__name__)


class DeliveryConfig(dg.Config):
    """What a person may ask of one run: to send days once more, under new names."""

    redeliver: str = ""
    """The reason why delivered days are sent once more; it is recorded in the ledger."""


MakePackage = Callable[[Session, date], Package]
"""Returns the package of a feed's partition; makes it if it is not there."""


def delivery_assets(
    feed: Feed,
    partitions: dg.PartitionsDefinition[str],
    policy: dg.BackfillPolicy,
    targets: tuple[str, ...],
    make: MakePackage,
) -> list[dg.AssetsDefinition]:
    """Return the assets of a feed that take its validated partitions to ``targets``."""
    return [_packaged(feed, partitions, policy, make), _delivered(feed, partitions, policy, targets)]


def report_package(report: Report) -> MakePackage:
    """Return what packages a report's day."""

    def make(session: Session, day: date) -> Package:
        settings = session.settings
        partition = session.staging.open("validated", report.name, day)
        options = settings.packages.of(report.name)
        return package(report, partition, options, settings.packages_folder, ready=ready_at(settings, day))

    return make


def _packaged(
    feed: Feed, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy, make: MakePackage
) -> dg.AssetsDefinition:
    @stage_asset(
        "packaged",
        feed,
        partitions,
        policy,
        deps=[key("validated", feed.name)],
        kinds={"file"},
        description=f"{feed.title} as files for its targets: parts under the size limit, and a manifest.",
    )
    def packaged(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        days = _asked(context, session, feed, "validated")
        for day in as_days(context.partition_keys):
            if day in days.skipped.days:
                continue
            try:
                made = make(session, day)
            except PipelineError as error:
                days.missing[day] = error
            else:
                days.made[day] = _package_metadata(made)
        return report_days(context, days, alone=asked_for_alone(context))

    return packaged


def _asked(context: dg.AssetExecutionContext, session: Session, feed: Feed, upstream: str) -> Days:
    """Return the account of a run's days, with those of a report's snapshot that can't be had any more left out."""
    if not isinstance(feed, Report):
        return Days()
    return Days(skipped=absent_past_days(session, feed, as_days(context.partition_keys), upstream))


def _package_metadata(made: Package) -> dict[str, Any]:
    return {
        "dagster/row_count": made.rows,
        "parts": len(made.parts),
        "bytes": made.bytes,
        "format": made.format,
        "files": dg.MetadataValue.md("\n".join(f"- `{part.name}` {part.bytes:,} bytes" for part in made.parts)),
        "folder": dg.MetadataValue.path(str(made.folder)),
        "schema fingerprint": made.fingerprint,
    }


def _delivered(
    feed: Feed, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy, targets: tuple[str, ...]
) -> dg.AssetsDefinition:
    @stage_asset(
        "delivered",
        feed,
        partitions,
        policy,
        deps=[key("packaged", feed.name)],
        kinds={"file"},
        description=f"{feed.title} at {', '.join(targets)}: each part whole, and sent once.",
        metadata={"targets": ", ".join(targets)},
    )
    def delivered(
        context: dg.AssetExecutionContext, config: DeliveryConfig, optimove: OptimoveResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session = optimove.session
        ledger = Ledger(ledger_file(session.settings.data_dir))
        days = _asked(context, session, feed, "packaged")
        for day in as_days(context.partition_keys):
            if day in days.skipped.days:
                continue
            try:
                made = open_package(package_folder(session.settings.packages_folder, feed.name, day))
            except PipelineError as error:
                days.missing[day] = error
                continue
            done, failed = _deliver_everywhere(session, feed, made, targets, ledger, config.redeliver or None)
            if failed:
                days.missing[day] = failed[0] if len(failed) == 1 else PipelineError("; ".join(map(str, failed)))
            else:
                days.made[day] = _delivery_metadata(made, done)
        _copy(optimove, ledger)
        return report_days(context, days, alone=asked_for_alone(context))

    return delivered


def _deliver_everywhere(
    session: Session, feed: Feed, made: Package, targets: tuple[str, ...], ledger: Ledger, redeliver: str | None
) -> tuple[list[Delivered], list[PipelineError]]:
    """Deliver to each target, whatever becomes of the others."""
    done, failed = list[Delivered](), list[PipelineError]()
    resent = isinstance(feed, Report) and session.settings.delivery.changed_reports == "redeliver"
    for name in targets:
        target = open_target(name, session.settings.target(name), session.settings.data_dir)
        try:
            done.append(
                deliver(
                    made, target, ledger, session.run_id, redeliver=redeliver, changed=CHANGED if resent else None
                )
            )
        except PipelineError as error:
            failed.append(error)
    return done, failed


def _delivery_metadata(made: Package, done: list[Delivered]) -> dict[str, Any]:
    lines = [f"- {each.place}: {', '.join(f'`{name}`' for name in each.files) or 'no files'}" for each in done]
    return {
        "dagster/row_count": made.rows,
        "bytes": made.bytes,
        "files": sum(len(each.files) for each in done),
        "files sent in this run": sum(each.sent for each in done),
        "targets": ", ".join(each.target for each in done),
        "places": dg.MetadataValue.md("\n".join(lines)),
    }


def _copy(optimove: OptimoveResource, ledger: Ledger) -> None:
    """Bring ``ops.deliveries`` up to date; the ledger itself is whole, so a busy warehouse can wait."""
    try:
        with optimove.warehouse.open("recording deliveries") as connection:
            copy_ledger(connection, ledger)
    except BusyError as error:
        logger.warning("ops.deliveries is brought up to date by the next run: %s", error)
