"""Which tables have a business day whole, for those who pull it (reference on delivery, section 3.5)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.datasets.partitions import partitions_of
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.readiness import closed_day, late_at
from optimove_pipeline.serving.store import open_reading, receipts, store_file
from optimove_pipeline.target_feeds import tables_at
from optimove_pipeline.targets.table import Table
from optimove_pipeline.watermarks import watermark

_MONTH = len("2026-11")


@dataclass(frozen=True, slots=True)
class TableReadiness:
    """A table on a day: its partitions (one, or one for each hour), those delivered, and their rows.

    ``expected_by`` is when the last of them is due, ``watermark`` up to which change the table is delivered, in UTC.
    """

    table: str
    partitions: int
    delivered: int
    rows: int
    expected_by: datetime
    watermark: datetime | None
    ready: bool


@dataclass(frozen=True, slots=True)
class DayReadiness:
    """A business day: it is ready once every table is."""

    date: date
    ready: bool
    tables: tuple[TableReadiness, ...]


def day_readiness(settings: Settings, target: str, now: datetime, day: date | None = None) -> DayReadiness:
    """Return how a business day stands at a target, by default the last that has ended.

    Raises:
        SettingsError: the ledger or the store can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    chosen = day or closed_day(settings, now.astimezone(UTC))
    tables = tuple(_table(settings, target, table, chosen) for table in tables_at(settings, target))
    return DayReadiness(chosen, bool(tables) and all(table.ready for table in tables), tables)


def _table(settings: Settings, target: str, table: Table, day: date) -> TableReadiness:
    is_dataset = table.feed in {dataset.name for dataset in settings.chosen_datasets}
    partitions = partitions_of(settings, table.feed, day) if is_dataset else [day]
    late = cadence_of(settings, table.feed).late_at if is_dataset else lambda each: late_at(settings, each)
    held = _held(store_file(settings.data_dir, target), table.feed)
    found = [held.get(partition_key(each), held.get(day.isoformat()[:_MONTH])) for each in partitions]
    delivered = [rows for rows in found if rows is not None]
    ledger = ledger_file(settings.data_dir)
    return TableReadiness(
        table=table.name,
        partitions=len(partitions),
        delivered=len(delivered),
        rows=sum(delivered),
        expected_by=max(late(each) for each in partitions),
        watermark=watermark(ledger, table.feed, target) if ledger.exists() else None,
        ready=len(delivered) == len(partitions),
    )


def _held(path: Path, feed: str) -> dict[str, int]:
    """Return the rows of each partition that the store has."""
    with closing(open_reading(path)) as connection:
        return {each.partition: each.rows for each in receipts(connection, feed)}
