"""Checks that reports which must agree do: report 1 against 7; 10 against 9 and 11; 21 and 22 against 20."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import polars as pl

from optimove_pipeline.assets.filters import filters_of_run
from optimove_pipeline.assets.partitions import days_of_run
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.report import Report
from optimove_pipeline.session import Session
from optimove_pipeline.settings.reports import Filters
from optimove_pipeline.stages.reconcile import Mismatch, compare, split_codes
from optimove_pipeline.staging import Partition


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reports whose distinct values of ``columns`` are the same."""

    left: str
    right: str
    columns: tuple[str, ...]


AGREEMENTS = (
    Agreement(
        "customers_by_action",
        "customer_action_details_by_date",
        ("customer_id", "recipient_group_id", "action_id"),
    ),
    Agreement(
        "customer_send_details_by_campaign",
        "customer_execution_details_by_campaign",
        ("campaign_id", "channel_id", "customer_id"),
    ),
    Agreement(
        "customer_send_details_by_campaign",
        "customer_send_details_by_channel",
        ("campaign_id", "channel_id", "customer_id"),
    ),
    Agreement("promo_codes_by_campaign", "promo_codes", ("recipient_group_id", "action_id", "promo_code")),
    Agreement(
        "promo_codes_by_target_group",
        "promo_codes",
        ("target_group_id", "recipient_group_id", "action_id", "promo_code"),
    ),
)


def reconciliation_checks(
    reports: Sequence[Report], partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetChecksDefinition]:
    """Return the checks of the agreements between selected reports."""
    selected = {report.name for report in reports}
    return [_check(each, partitions) for each in AGREEMENTS if {each.left, each.right} <= selected]


def _check(agreement: Agreement, partitions: dg.DailyPartitionsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key("validated", agreement.left),
        additional_deps=[key("validated", agreement.right)],
        name=f"agrees_with_{agreement.right}",
        description=f"The same {', '.join(agreement.columns)} as in {BY_NAME[agreement.right].title}.",
    )
    def agrees(context: dg.AssetCheckExecutionContext, optimove: OptimoveResource) -> dg.AssetCheckResult:
        told = {}
        compared = 0
        settings = optimove.session.settings.reports
        config = context.run.run_config
        narrowing = [filters_of_run(config, name, settings.filters) for name in (agreement.left, agreement.right)]
        for day in days_of_run(context, partitions):
            mismatch = _mismatch(optimove.session, agreement, day, narrowing)
            compared += mismatch is not None
            if mismatch is not None and not mismatch.agrees:
                told[day] = _text(agreement, mismatch)
        return dg.AssetCheckResult(
            passed=not told,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(f"{day}: {text}" for day, text in told.items()) or None,
            metadata={"days compared": compared},
        )

    return agrees


def _mismatch(session: Session, agreement: Agreement, day: date, narrowing: Sequence[Filters]) -> Mismatch | None:
    """Return how a day's reports differ, or None where one of them is not there to compare."""
    left = session.staging.find("validated", agreement.left, day)
    right = session.staging.find("validated", agreement.right, day)
    if left is None or right is None:
        return None
    if agreement.left == "promo_codes_by_campaign" and any(filters.campaigns for filters in narrowing):
        return None  # a promo code's campaigns can't be told from report 20
    columns = list(agreement.columns)
    personal = session.settings.warehouse.preview
    shown = columns if personal else [name for name in columns if not _personal(agreement.left, name)]
    return compare(_rows(left, columns, narrowing), _rows(right, columns, narrowing), columns, shown)


def _rows(partition: Partition, columns: Sequence[str], narrowing: Sequence[Filters]) -> pl.LazyFrame:
    """Return what both reports were asked for: the filters of one narrow the other as well."""
    kinds = {column.name: column.kind.dtype for column in BY_NAME[partition.feed].columns}
    schema = {name: kinds[name] for name in columns}
    rows = (
        pl.scan_parquet(partition.files, extra_columns="ignore") if partition.parts else pl.LazyFrame(schema=schema)
    )
    rows = rows.select(columns)
    if "promo_code" in columns:
        # Without a code there may be no row at all (a campaign without a target group, report 20).
        rows = split_codes(rows).filter(pl.col("promo_code") != "")
    for filters in narrowing:
        wanted = {"action_id": filters.actions, "target_group_id": filters.target_groups}
        rows = rows.filter(*(pl.col(name).is_in(ids) for name, ids in wanted.items() if ids and name in columns))
    return rows


def _personal(report: str, name: str) -> bool:
    column = BY_NAME[report].column(name)
    return column is None or column.personal


def _text(agreement: Agreement, mismatch: Mismatch) -> str:
    counts = f"{mismatch.only_left:,} only in {agreement.left}, {mismatch.only_right:,} only in {agreement.right}"
    return f"{counts} ({'; '.join(mismatch.examples)})"
