"""A partition of a data set out of its source: read, renamed, counted against the source, and written whole.

The partition is that of the stage ``dataset``; its columns have the contract's names and order, with the dtypes that
the source gave them. Times are naive times of UTC; text that the settings give a pattern for is text in the form
``2026-11-20`` or ``2026-11-20 10:30:00.000000`` where it fits the pattern, and as it was where it does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.history import partitions_within
from optimove_pipeline.datasets.mapping import ContractMapping, expressions_of, mapping_of, named
from optimove_pipeline.datasets.sources.bounds import bound
from optimove_pipeline.datasets.sources.source import Origin, Selection, Snapshot
from optimove_pipeline.datasets.windows import newest_closed, time_of
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.packages import Window
from optimove_pipeline.partition_keys import Month, partition_key
from optimove_pipeline.settings.datasets import DatasetSettings, SourceColumn
from optimove_pipeline.staging import Staging

STAGE = "dataset"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a partition was made of.

    ``rows`` were written, ``source_rows`` counted in the same snapshot. ``without_change`` rows of the source have no
    moment of change, so that no window holds them. ``newest_change`` is naive UTC. ``missing_columns`` are the
    contract's optional columns that the source does not have. It is ``rebuilt`` if later partitions had ended when it
    was read by its changes: rows that changed since are not in it any more, as they were in what its own run read.
    """

    rows: int
    source_rows: int
    without_change: int
    newest_change: datetime | None
    missing_columns: tuple[str, ...]
    seconds: float
    rebuilt: bool = False


def extract_dataset(
    dataset: Dataset,
    own: DatasetSettings,
    snapshot: Snapshot,
    partition: date,
    window: Window | None,
    staging: Staging,
    *,
    zone: ZoneInfo,
) -> Extracted:
    """Read a partition and write it to the stage ``dataset``.

    A data set of changes gets the rows whose change lies in ``window``; a snapshot, and files with the partition in
    their path, all rows, and a month of history those of the files of all its days or hours. The partition's metadata
    hold ``window`` (two ISO moments, or None), ``newest_change`` (ISO, naive UTC, or None), ``source_rows`` and
    ``source``.

    Raises:
        SettingsError: the mapping does not fit the source, or the source's settings are wrong.
        PartitionError: the partition has not ended, can't be had any more, the source broke off, or it counted other
            rows than it gave.
    """
    started = time.monotonic()
    origin = Origin(own.table, own.query, partition, _parts_of(partition, own, window, zone))
    _refuse_unmakeable(dataset, snapshot, origin, partition, window, zone)
    found = snapshot.columns(origin)
    mapping = mapping_of(dataset, own, found, f"{snapshot.place}: {origin.place}")
    selection = selection_of(dataset, own, snapshot, origin, mapping, window)
    counted = snapshot.count(selection)
    without = _without_change(snapshot, selection)
    newest = _Newest(dataset.change_column)
    with staging.writing(STAGE, dataset.name, partition) as writer:
        order = [column.name for column in dataset.columns]
        for frame in _frames(snapshot, selection, mapping, order):
            newest.see(frame)
            writer.write(frame)
        writer.flush()
        if writer.rows != counted:
            raise PartitionError(
                f"{dataset.name} of {partition_key(partition)}: {snapshot.place} counted {counted:,} rows and gave "
                f"{writer.rows:,}: its tables change within one snapshot; use a storage engine with transactions"
            )
        writer.metadata |= _metadata(snapshot, window, newest.moment, counted)
    extracted = Extracted(
        rows=counted,
        source_rows=counted,
        without_change=without,
        newest_change=newest.moment,
        missing_columns=tuple(column.name for column in mapping.missing),
        seconds=time.monotonic() - started,
        rebuilt=selection.change_column is not None and _is_past(partition, snapshot, zone),
    )
    _tell(dataset, partition, snapshot, extracted)
    return extracted


def _is_past(partition: date, snapshot: Snapshot, zone: ZoneInfo) -> bool:
    """Return whether later partitions had ended when the source was opened; not of a month, which has no own run."""
    return not isinstance(partition, Month) and partition < newest_closed(partition, snapshot.taken_at, zone)


def _parts_of(partition: date, own: DatasetSettings, window: Window | None, zone: ZoneInfo) -> tuple[date, ...]:
    """Return the days or hours that have files of their own in a month of history; none of any other partition."""
    if window is None or not isinstance(partition, Month):
        return ()
    return partitions_within(window, zone, hourly=own.cadence == "hourly")


def _refuse_unmakeable(
    dataset: Dataset, snapshot: Snapshot, origin: Origin, partition: date, window: Window | None, zone: ZoneInfo
) -> None:
    key = partition_key(partition)
    closed = newest_closed(partition, snapshot.taken_at, zone)
    if (window or time_of(partition, zone)).end > snapshot.taken_at:
        raise PartitionError(f"{dataset.name} of {key} has not ended yet: run it once it has")
    if dataset.load is Load.SNAPSHOT and partition < closed and not snapshot.keeps_days(origin):
        raise PartitionError(
            f"{dataset.name} of {key} can't be had any more: it holds all rows as they are when it is read, and "
            f"{snapshot.place} has only those of now, which are {partition_key(closed)}"
        )
    if dataset.load is Load.CHANGES and window is None and not snapshot.keeps_days(origin):
        raise PartitionError(
            f"{dataset.name} of {key}: a data set of changes is read by a window, and none was given"
        )


def selection_of(
    dataset: Dataset,
    own: DatasetSettings,
    snapshot: Snapshot,
    origin: Origin,
    mapping: ContractMapping,
    window: Window | None,
) -> Selection:
    """Return what is read of a partition: the rows that changed in its window, or all of them.

    Raises:
        SettingsError: there is no column with the moment of change, or it can't be compared with a moment.
    """
    key = [read.origin for name in dataset.key if (read := mapping.of(name)) is not None]
    columns = tuple(dict.fromkeys(read.origin for read in mapping.read))
    if dataset.load is Load.SNAPSHOT or snapshot.keeps_days(origin) or window is None:
        return Selection(origin=origin, columns=columns, order=tuple(dict.fromkeys(key)))
    change, how, dtype = _change_column(dataset, own, snapshot, origin, mapping)
    try:
        start, end = (bound(moment, dtype, how.timezone, how.format) for moment in (window.start, window.end))
    except SettingsError as error:
        raise SettingsError(f"{dataset.name}: {snapshot.place}: {change!r}: {error}") from error
    return Selection(
        origin=origin,
        columns=columns,
        change_column=change,
        start=start,
        end=end,
        order=tuple(dict.fromkeys([change, *key])),
    )


def _change_column(
    dataset: Dataset, own: DatasetSettings, snapshot: Snapshot, origin: Origin, mapping: ContractMapping
) -> tuple[str, SourceColumn, pl.DataType]:
    """Return the source's column with the moment of change, what is done to it, and its dtype."""
    read = mapping.of(dataset.change_column)
    found = snapshot.columns(origin)
    name = named(own.change_column, found) if own.change_column is not None else None
    if own.change_column is not None and name is None:
        raise SettingsError(
            f"datasets.each.{dataset.name}.change_column: {snapshot.place}: {origin.place} has no column "
            f"{own.change_column!r}; there are {', '.join(found)}"
        )
    if name is not None and (read is None or read.origin != name):
        return name, SourceColumn(column=name), found[name]
    if read is None:
        raise SettingsError(
            f"{dataset.name}: {snapshot.place}: {origin.place} has no moment of change to read by: give "
            f"datasets.each.{dataset.name}.change_column, or load: snapshot"
        )
    return read.origin, read.how, read.dtype


def changed_since(
    dataset: Dataset, own: DatasetSettings, snapshot: Snapshot, partition: date, moment: datetime
) -> int:
    """Return how many rows of a source have changed at a moment (with its zone) or since.

    Raises as ``extract_dataset`` does.
    """
    origin = Origin(own.table, own.query, partition)
    mapping = mapping_of(dataset, own, snapshot.columns(origin), f"{snapshot.place}: {origin.place}")
    change, how, dtype = _change_column(dataset, own, snapshot, origin, mapping)
    start = bound(moment, dtype, how.timezone, how.format)
    return snapshot.count(Selection(origin=origin, columns=(), change_column=change, start=start))


def _without_change(snapshot: Snapshot, selection: Selection) -> int:
    if selection.change_column is None:
        return 0
    unchanged = Selection(origin=selection.origin, columns=(), change_column=selection.change_column, unchanged=True)
    return snapshot.count(unchanged)


def _frames(
    snapshot: Snapshot, selection: Selection, mapping: ContractMapping, order: list[str]
) -> Iterator[pl.DataFrame]:
    """Yield the rows in the contract's columns; an empty frame first, so that an empty partition has them too."""
    expressions = expressions_of(mapping, order)
    found = snapshot.columns(selection.origin)
    schema = {name: found[name] for name in selection.columns}
    yield pl.DataFrame(schema=schema).select(expressions).clear()
    for frame in snapshot.read(selection):
        yield frame.select(expressions)


@dataclass(slots=True)
class _Newest:
    """The newest change seen, in naive UTC; text that is no time is passed by."""

    column: str | None
    moment: datetime | None = None

    def see(self, frame: pl.DataFrame) -> None:
        if self.column is None or self.column not in frame.columns:
            return
        value = frame.select(_as_time(pl.col(self.column), frame.schema[self.column]).max()).item()
        if value is not None and (self.moment is None or value > self.moment):
            self.moment = value


def _as_time(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        # Times of the batch's form, and dates.
        longer = value.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
        return pl.coalesce(longer, value.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")))
    return value.cast(pl.Datetime("us")) if dtype.is_temporal() else pl.lit(None, pl.Datetime("us"))


def _metadata(snapshot: Snapshot, window: Window | None, newest: datetime | None, counted: int) -> dict[str, Any]:
    return {
        "window": [moment.astimezone(UTC).isoformat() for moment in (window.start, window.end)] if window else None,
        "newest_change": newest.isoformat() if newest else None,
        "source_rows": counted,
        "source": snapshot.place,
    }


def _tell(dataset: Dataset, partition: date, snapshot: Snapshot, extracted: Extracted) -> None:
    _log.info("%s of %s: %s rows of %s", dataset.name, partition_key(partition), extracted.rows, snapshot.place)
    if extracted.missing_columns:
        _log.warning("%s: %s has no %s", dataset.name, snapshot.place, ", ".join(extracted.missing_columns))
    if extracted.without_change:
        _log.warning(
            "%s: %s rows of %s have no moment of change, and are in no partition",
            dataset.name, extracted.without_change, snapshot.place,
        )  # fmt: skip
