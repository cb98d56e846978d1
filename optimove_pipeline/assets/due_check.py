"""The standing check ``due`` of every published feed: the day that was due by now is there.

It is judged by the days that Dagster knows as published. A day that was held back is none of them, an empty day is
one (its table has no row to show for it), and a backfill of an old day makes no difference.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from optimove_pipeline.assets.partitions import as_days
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.config import Settings
from optimove_pipeline.readiness import due_day, late_at
from optimove_pipeline.reports.report import Report

DUE = "due"
"""The check's name."""

LAST = {"dagster/priority": "-100"}
"""A run that publishes judges after that."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a report's ``day``, the one that was due, is there; ``text`` says so, or what to do."""

    report: str
    day: date
    there: bool
    text: str

    def result(self) -> dg.AssetCheckResult:
        """Return what a run yields of it."""
        return dg.AssetCheckResult(
            asset_key=key("published", self.report),
            check_name=DUE,
            passed=self.there,
            severity=dg.AssetCheckSeverity.ERROR,
            description=self.text,
        )

    def evaluation(self) -> dg.AssetCheckEvaluation:
        """Return what Dagster records of it outside a run."""
        return dg.AssetCheckEvaluation(
            asset_key=key("published", self.report),
            check_name=DUE,
            passed=self.there,
            metadata={},
            severity=dg.AssetCheckSeverity.ERROR,
            description=self.text,
        )


Judge = Callable[[dg.DagsterInstance, list[str]], Iterable[dg.AssetCheckResult]]


def standing_check(name: str, partition: str, feeds: Sequence[str], judge: Judge) -> dg.AssetChecksDefinition:
    """Return the check of feeds, by their names, which one step called ``name`` judges.

    ``partition`` is what people call the partition that was due.
    """
    description = f"The {partition} that was due by now is published."
    specs = {
        f"published__{feed}__{DUE}": dg.AssetCheckSpec(DUE, asset=key("published", feed), description=description)
        for feed in feeds
    }

    @dg.op(
        name=name,
        description=f"Looks whether the {partition} that was due by now is published.",
        out={output: dg.Out(is_required=False) for output in specs},
        tags=LAST,
    )
    def due(context: dg.OpExecutionContext) -> Iterator[dg.AssetCheckResult]:
        asked = [check.asset_key.path[-1] for check in sorted(context.selected_asset_check_keys)]
        yield from judge(context.instance, asked)

    # No inputs, unlike with the decorator: the check would not be judged in a run that published one feed of two.
    check: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={}, node_def=due, check_specs_by_output_name=specs, can_subset=True
    )
    return check


def due_check(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.AssetChecksDefinition:
    """Return the check of all selected reports, which one step judges."""
    reports = {report.name: report for report in settings.reports.selected()}

    def judged(instance: dg.DagsterInstance, names: list[str]) -> Iterator[dg.AssetCheckResult]:
        for due in judge(instance, settings, [reports[name] for name in names], now()):
            yield due.result()

    return standing_check("due_days", "day", [*reports], judged)


def judge(instance: dg.DagsterInstance, settings: Settings, reports: Sequence[Report], now: datetime) -> list[Due]:
    """Judge reports at the moment ``now``, in their order."""
    day = due_day(settings, now)
    return [_judge(instance, settings, report, day) for report in reports]


def _judge(instance: dg.DagsterInstance, settings: Settings, report: Report, day: date) -> Due:
    if day < settings.tenant.start_date:
        return Due(report.name, day, there=True, text="no day is due yet")
    held = as_days(sorted(instance.get_materialized_partitions(key("published", report.name))))
    there = is_there(held, day, snapshot=report.snapshot)
    return Due(report.name, day, there, f"{day} is there" if there else _late(settings, report, day))


def is_there(held: Collection[date], day: date, *, snapshot: bool) -> bool:
    """Return whether the day due is there, or need not be.

    It need not if pulling began after it. A snapshot can only be had of the tenant's last data update, so a later
    one stands for those missed.
    """
    if not held:
        return False
    return day in held or min(held) > day or (snapshot and max(held) > day)


def _late(settings: Settings, report: Report, day: date) -> str:
    late = f"{day} is not published, and was due by {late_at(settings, day):%Y-%m-%d %H:%M} UTC"
    days = "--days 1" if report.snapshot else f"--from {day} --to {day}"
    return f"{late}: look at its runs, or pull it with `optimove-pipeline run {days} --report {report.name}`"
