"""Checks of sources: does each open, and does each data set find its columns and rows there?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from optimove_pipeline.commands.findings import Finding, failed, passed
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.extraction import selection_of
from optimove_pipeline.datasets.history import partition_window
from optimove_pipeline.datasets.mapping import mapping_of
from optimove_pipeline.datasets.partitions import newest_partition
from optimove_pipeline.datasets.snapshots import Snapshots
from optimove_pipeline.datasets.sources.source import Origin, Snapshot
from optimove_pipeline.errors import PipelineError
from optimove_pipeline.partition_keys import partition_key


def check_sources(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield a finding for each source that data sets use, and for each data set of a source that opens."""
    snapshots, opened = Snapshots(settings), dict[str | None, Snapshot | None]()
    try:
        for dataset in settings.chosen_datasets:
            name = settings.datasets.of(dataset.name).source
            if name not in opened:
                # One that does not open is waited for once, not with each of its data sets.
                opened[name], finding = _opened(snapshots, dataset, name)
                yield finding
            snapshot = opened[name]
            if snapshot is not None:
                yield _dataset(settings, dataset, snapshot, now)
    finally:
        snapshots.close()


def _opened(snapshots: Snapshots, dataset: Dataset, name: str | None) -> tuple[Snapshot | None, Finding]:
    part = f"source {name}" if name else f"data set {dataset.name}"
    try:
        snapshot = snapshots.of(dataset.name)
    except PipelineError as error:
        return None, failed(part, error)
    return snapshot, passed(part, f"opens: {snapshot.place}")


def _dataset(settings: Settings, dataset: Dataset, snapshot: Snapshot, now: datetime) -> Finding:
    part = f"data set {dataset.name}"
    try:
        return passed(part, _found(settings, dataset, snapshot, now))
    except PipelineError as error:
        return failed(part, error)


def _found(settings: Settings, dataset: Dataset, snapshot: Snapshot, now: datetime) -> str:
    """Return in words what the newest partition of a data set would be made of.

    Raises:
        PipelineError: it can't be made.
    """
    own, partition = settings.datasets.of(dataset.name), newest_partition(settings, dataset.name, now)
    origin = Origin(own.table, own.query, partition)
    mapping = mapping_of(dataset, own, snapshot.columns(origin), f"{snapshot.place}: {origin.place}")
    window = partition_window(settings, dataset, partition) if dataset.load is Load.CHANGES else None
    rows = snapshot.count(selection_of(dataset, own, snapshot, origin, mapping, window))
    lacking = f", not {', '.join(column.name for column in mapping.missing)}" if mapping.missing else ""
    key = partition_key(partition)
    return f"{origin.place} has {len(mapping.read)} of its columns{lacking}, and {rows:,} rows for {key}"
