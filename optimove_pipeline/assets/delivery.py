"""The factory of the stages that feeds of both ways share: ``packaged`` and ``delivered``."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from optimove_pipeline import record_tables
from optimove_pipeline.assets.outcomes import Days, Metadata, Skipped, report_days
from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.passage import MISSING_FILES, Judged, Passage
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.snapshots import absent_past_days, asked_for_alone
from optimove_pipeline.assets.stage_asset import key, stage_asset
from optimove_pipeline.delivered_packages import is_whole
from optimove_pipeline.deliveries_table import copy_ledger
from optimove_pipeline.errors import BusyError, ContractError, PartitionError, PipelineError
from optimove_pipeline.feeds import Feed
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import Package, open_package, package_folder
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.readiness import ready_at
from optimove_pipeline.reports.report import Report
from optimove_pipeline.session import Session
from optimove_pipeline.settings.packages import PackageOptions
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.stages.deliver import Delivered, deliver
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.load import load
from optimove_pipeline.stages.package import package
from optimove_pipeline.stages.table_rows import customer_column, rows_of
from optimove_pipeline.suppression import suppressed
from optimove_pipeline.targets.table import Rows

_WHOLE_DAY = "Every file that Optimove expects of the day is there; those of other data sets may be yet to come."

CHANGED = "the day was read again and has changed"

logger = logging.getLogger(__name__)


class DeliveryConfig(dg.Config):
    """What a person may ask of one run: to send days once more, under new names."""

    redeliver: str = ""
    """The reason why delivered days are sent once more; it is recorded in the ledger."""


def delivery_assets(
    feed: Feed,
    partitions: dg.PartitionsDefinition[str],
    policy: dg.BackfillPolicy,
    targets: tuple[str, ...],
    passage: Passage,
) -> list[dg.AssetsDefinition]:
    """Return the assets of a feed that take its validated partitions to ``targets``."""
    return [
        _packaged(feed, partitions, policy, passage),
        _delivered(feed, partitions, policy, targets, passage),
    ]


def report_passage(report: Report) -> Passage:
    """Return the way of a report's packages; a day that changed is sent again unless the settings refuse it."""

    def options(session: Session, day: date) -> PackageOptions:
        return session.settings.packages.of(report.name)

    def forgotten(session: Session) -> Forgotten:
        return Forgotten(customer_column(report), suppressed(session.settings.data_dir))

    def make(session: Session, day: date) -> Package:
        settings = session.settings
        return package(
            report,
            session.staging.open("validated", report.name, day),
            options(session, day),
            settings.packages_folder,
            ready=ready_at(settings, day),
            forgotten=forgotten(session),
        )

    def changed(session: Session) -> str | None:
        return CHANGED if session.settings.delivery.changed_reports == "redeliver" else None

    def absent(session: Session, days: Sequence[date]) -> Skipped:
        return absent_past_days(session, report, days, "validated")

    return Passage(make, options, forgotten, absent, changed=changed)


def _packaged(
    feed: Feed, partitions: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy, passage: Passage
) -> dg.AssetsDefinition:
    asset_key = key("packaged", feed.name)

    @stage_asset(
        "packaged",
        feed,
        partitions,
        policy,
        deps=[key("validated", feed.name)],
        kinds={"file"},
        description=f"{feed.title} as files for its targets: parts under the size limit, and a manifest.",
        checks=[
            dg.AssetCheckSpec(name, asset=asset_key, description="Optimove's own check, before anything leaves.")
            for name in passage.checks
        ],
    )
    def packaged(context: dg.AssetExecutionContext, optimove: OptimoveResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, asked = optimove.session, as_days(context.partition_keys)
        days, judged = Days(skipped=passage.absent(session, asked)), dict[date, Sequence[Judged]]()

        def work(day: date) -> Metadata:
            made = passage.make(session, day)
            judged[day] = passage.judge(session, made)
            return _package_metadata(made) | {each.check: each.text for each in judged[day]}

        days.each(asked, work)
        return report_days(context, days, _results(passage, judged), alone=asked_for_alone(context))

    return packaged


def _results(passage: Passage, judged: Mapping[date, Sequence[Judged]]) -> list[dg.AssetCheckResult]:
    """Return one result for each check over all partitions of the run."""
    results = []
    for name in passage.checks:
        failed = {
            day: each for day, every in judged.items() for each in every if each.check == name and not each.passed
        }
        blocks = any(each.blocks for each in failed.values())
        results.append(
            dg.AssetCheckResult(
                check_name=name,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
                description="; ".join(each.text for _, each in sorted(failed.items())) or None,
            )
        )
    return results


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
    feed: Feed,
    partitions: dg.PartitionsDefinition[str],
    policy: dg.BackfillPolicy,
    targets: tuple[str, ...],
    passage: Passage,
) -> dg.AssetsDefinition:
    asset_key = key("delivered", feed.name)

    @stage_asset(
        "delivered",
        feed,
        partitions,
        policy,
        deps=[key("packaged", name) for name in (feed.name, *passage.awaited)],
        kinds={"file"},
        description=f"{feed.title} at {', '.join(targets)}: each part whole, and sent once.",
        metadata={"targets": ", ".join(targets)},
        checks=[dg.AssetCheckSpec(MISSING_FILES, asset=asset_key, description=_WHOLE_DAY)] if passage.lacking else [],
    )
    def delivered(
        context: dg.AssetExecutionContext, config: DeliveryConfig, optimove: OptimoveResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        session, asked = optimove.session, as_days(context.partition_keys)
        days = Days(skipped=passage.absent(session, asked))

        def work(day: date) -> Metadata:
            return deliver_partition(session, feed, day, targets, passage, config.redeliver or None)

        days.each(asked, work)
        copy_records(optimove)
        return report_days(context, days, _lacking(session, passage, [*days.made]), alone=asked_for_alone(context))

    return delivered


def _lacking(session: Session, passage: Passage, days: Sequence[date]) -> list[dg.AssetCheckResult]:
    """Return the check of what the receiver lacks of these days, once their packages are delivered."""
    if passage.lacking is None:
        return []
    told = [line for day in sorted(days) for line in passage.lacking(session, day)]
    return [
        dg.AssetCheckResult(
            check_name=MISSING_FILES,
            passed=not told,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(told) or None,
        )
    ]


def deliver_partition(
    session: Session, feed: Feed, day: date, targets: tuple[str, ...], passage: Passage, redeliver: str | None = None
) -> dict[str, Any]:
    """Deliver a packaged partition to all targets, once its checks let it go; return what a person is told of it.

    Raises:
        PipelineError: it was never packaged, a check holds it back, or a target did not take it.
    """
    made = _let_go(session, feed, day, passage)
    account = passage.account(session, made)
    done = _deliver_everywhere(session, feed, made, targets, passage, redeliver)
    return {**_delivery_metadata(made, done), **account}


def _let_go(session: Session, feed: Feed, day: date, passage: Passage) -> Package:
    """Return a partition's package, made anew if what it is made of has changed, once no check holds it back.

    Raises:
        PartitionError: it was never packaged, or what is to be sent with it was not.
        ContractError: a check holds it back.
    """
    open_package(package_folder(session.settings.packages_folder, feed.name, day))
    made = passage.make(session, day)
    if awaited := passage.waits_for(session, day):
        raise PartitionError(f"delivered/{feed.name} of {partition_key(day)} is held back. {awaited}")
    blocking = [each for each in passage.judge(session, made) if each.blocks and not each.passed]
    if blocking:
        told = "; ".join(f"{each.check}: {each.text}" for each in blocking)
        raise ContractError(
            f"delivered/{feed.name} of {partition_key(day)} is held back. {told}. If that is right, "
            f"`optimove-pipeline approve {feed.name} {partition_key(day)} --by NAME --reason TEXT` lets it go"
        )
    return made


def _deliver_everywhere(
    session: Session, feed: Feed, made: Package, targets: tuple[str, ...], passage: Passage, redeliver: str | None
) -> list[Delivered]:
    """Deliver to each target, whatever becomes of the others.

    Raises:
        PipelineError: a target did not take it.
    """
    done, failed = list[Delivered](), list[PipelineError]()
    ledger, changed = Ledger(ledger_file(session.settings.data_dir)), passage.changed(session)
    for name in targets:
        try:
            done.append(_deliver_to(name, session, feed, made, passage, ledger, redeliver, changed))
            passage.record(session, made, name)
        except PipelineError as error:
            failed.append(error)
            # An older package of the partition may have come to its end there before the new one was refused.
            if is_whole(ledger.newest(name, feed.name, made.day)):
                passage.record(session, made, name)
    if len(failed) > 1:
        raise PipelineError("; ".join(map(str, failed)))
    if failed:
        raise failed[0]
    return done


def _deliver_to(
    name: str,
    session: Session,
    feed: Feed,
    made: Package,
    passage: Passage,
    ledger: Ledger,
    redeliver: str | None,
    changed: str | None,
) -> Delivered:
    """Deliver to one target, as files or as rows of a table."""
    own, data_dir, run_id = session.settings.target(name), session.settings.data_dir, session.run_id
    if isinstance(own, TableTargetSettings):
        rows = _rows(session, feed, made, passage)
        return load(rows, made, own.open(name, data_dir), ledger, run_id, redeliver=redeliver, changed=changed)
    return deliver(made, own.open(name, data_dir), ledger, run_id, redeliver=redeliver, changed=changed)


def _rows(session: Session, feed: Feed, made: Package, passage: Passage) -> Rows:
    return rows_of(
        feed,
        passage.options(session, made.day),
        session.staging.open("validated", feed.name, made.day),
        made,
        session.run_id,
        passage.forgotten(session),
    )


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


def copy_records(optimove: OptimoveResource) -> None:
    """Bring the ledger's copies in the warehouse up to date; it is whole itself, so a busy warehouse can wait."""
    path = ledger_file(optimove.session.settings.data_dir)
    try:
        with optimove.warehouse.open("recording deliveries") as connection:
            copy_ledger(connection, Ledger(path))
            record_tables.copy_records(connection, path)
    except BusyError as error:
        logger.warning("ops.deliveries is brought up to date by the next run: %s", error)
