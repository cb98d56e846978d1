"""What is held of reports: days published, calls recorded, answers landed by runs that ended early."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline.calls_table import Answered, ReportDay, answered_since, calls_by_day, record_calls
from optimove_pipeline.calls_table import seconds_of_a_call as mean_seconds
from optimove_pipeline.config import Settings
from optimove_pipeline.reports.evidence import Wanted
from optimove_pipeline.warehouse import Warehouse, row_counts

if TYPE_CHECKING:  # importing it costs a second
    import dagster as dg

PATIENCE_SECONDS = 30.0
"""How long a person who asks what is held waits for another process to let go of the warehouse."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of reports.

    ``published`` are the days of each report, by its name; ``calls`` the different calls that days took so far;
    ``landed`` how many of them a run would find answered, since the run that made them ended early.
    """

    published: Mapping[str, frozenset[date]] = field(default_factory=dict)
    calls: Mapping[ReportDay, int] = field(default_factory=dict)
    landed: Mapping[ReportDay, int] = field(default_factory=dict)
    seconds_of_a_call: float = 0.0


def read_held(
    settings: Settings, wanted: Wanted, instance: dg.DagsterInstance | None, *, patience: float = PATIENCE_SECONDS
) -> Held:
    """Return what is held, as far as it concerns the wanted reports; ``instance`` is None if nothing ran yet.

    Raises:
        BusyError: another process keeps the warehouse for longer than ``patience`` seconds.
    """
    calls = settings.data_dir / "calls"
    if not settings.warehouse_path.exists() and not any(calls.glob("*")):
        return Held()
    warehouse = Warehouse(settings.warehouse_path, lock_timeout=patience)
    with warehouse.open("reading what is published") as connection:
        CallJournal(calls, "reading").flush(partial(record_calls, connection))
        with_rows = {
            report.name: frozenset(day for day, _ in row_counts(connection, f"optimove.{report.name}"))
            for report in wanted
        }
        made = calls_by_day(connection)
        answered = answered_since(connection, _since(settings))
        seconds = mean_seconds(connection)
    return Held(
        published=_with_empty(with_rows, wanted, instance),
        calls=made,
        landed=_landed(answered, instance),
        seconds_of_a_call=seconds,
    )


def _since(settings: Settings) -> datetime:
    return (datetime.now(UTC) - timedelta(hours=settings.retention.resume_hours)).replace(tzinfo=None)


def _with_empty(
    with_rows: Mapping[str, frozenset[date]], wanted: Wanted, instance: dg.DagsterInstance | None
) -> dict[str, frozenset[date]]:
    """Add the days that were published without a row, which only Dagster's history knows of."""
    if instance is None:
        return dict(with_rows)
    return {
        report.name: with_rows[report.name] | _empty(instance, report.name, set(days) - with_rows[report.name])
        for report, days in wanted.items()
    }


def _empty(instance: dg.DagsterInstance, report: str, days: Collection[date]) -> frozenset[date]:
    import dagster as dg

    key = dg.AssetKey(["published", report])
    partitions = {day.isoformat() for day in days}
    newest = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions)
    if not newest:
        return frozenset()
    records = dg.AssetRecordsFilter(key, storage_ids=[*newest.values()])
    found = instance.fetch_materializations(records, limit=len(newest)).records
    return frozenset(
        date.fromisoformat(record.partition_key) for record in found if record.partition_key and _rows(record) == 0
    )


def _rows(record: dg.EventLogRecord) -> Any:
    made = record.asset_materialization
    return made.metadata["dagster/row_count"].value if made and "dagster/row_count" in made.metadata else None


def _landed(
    answered: Mapping[ReportDay, Sequence[Answered]], instance: dg.DagsterInstance | None
) -> dict[ReportDay, int]:
    """Return how many calls of a report and day the next run finds answered."""
    if instance is None:
        return {}
    from optimove_pipeline.assets.resources import ended_early

    known: dict[str, bool] = {}

    def resumable(run_id: str) -> bool:
        if run_id not in known:
            known[run_id] = ended_early(instance, run_id)
        return known[run_id]

    return {of: len(_in_a_row(runs, resumable)) for of, runs in answered.items()}


def _in_a_row(runs: Sequence[Answered], resumable: Callable[[str], bool]) -> frozenset[str]:
    """Return the calls of the newest runs, back to one that came to its end, whose answers nobody uses again."""
    calls = frozenset[str]()
    for run in reversed(runs):
        if not resumable(run.run_id):
            break
        calls |= run.calls
    return calls
