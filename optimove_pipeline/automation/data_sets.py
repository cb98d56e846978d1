"""The sensors of the tenant's data sets: one for those that start and are due at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from optimove_pipeline.assets.selection import DATASET_STAGES, SENT
from optimove_pipeline.automation.completeness import (
    IsComplete,
    all_of,
    always,
    by_marker,
    by_newest_change,
    by_query,
)
from optimove_pipeline.automation.data_set_readiness import data_set_sensor
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import Times, cadence_of, from_first_day, times_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.extraction import changed_since
from optimove_pipeline.datasets.snapshots import Snapshots
from optimove_pipeline.datasets.sources.source import Snapshot


def data_set_sensors(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[dg.SensorDefinition]:
    """Return the sensors; those together get one run for each partition, so that they see the sources alike.

    The data sets that others refer to must not come later than these: their rows are looked for there.
    """
    groups: dict[Times, list[Dataset]] = {}
    for dataset in settings.chosen_datasets:
        groups.setdefault(times_of(settings, dataset.name), []).append(dataset)
    return [_sensor(settings, times, datasets, now) for times, datasets in groups.items()]


def _sensor(
    settings: Settings, times: Times, datasets: list[Dataset], now: Callable[[], datetime]
) -> dg.SensorDefinition:
    name = "_".join(["data_sets", *(time.replace(":", "") for time in times if time)])
    keys = [dg.AssetKey([stage, each.name]) for each in datasets for stage in _stages(settings, each)]
    last = [dg.AssetKey([_stages(settings, each)[-1], each.name]) for each in datasets]
    is_complete = all_of([_is_complete(settings, each) for each in datasets])
    cadence = cadence_of(settings, datasets[0].name)
    return data_set_sensor(from_first_day(settings), name, cadence, is_complete, keys, last, now)


def _stages(settings: Settings, dataset: Dataset) -> tuple[str, ...]:
    return DATASET_STAGES + (SENT if settings.delivery.of(dataset.name, is_report=False) else ())


def _is_complete(settings: Settings, dataset: Dataset) -> IsComplete:
    own = settings.datasets.of(dataset.name)
    if own.complete.query is not None:
        return by_query(lambda sql, parameters: _ask(settings, dataset, sql, parameters), own.complete.query)
    if own.complete.marker is not None:
        return by_marker(own.complete.marker)
    if own.complete.newest_change:
        delay = timedelta(minutes=settings.datasets.delay_minutes)
        return by_newest_change(
            lambda partition, moment: _changed_since(settings, dataset, partition, moment),
            cadence_of(settings, dataset.name),
            delay,
        )
    return always


def _ask(settings: Settings, dataset: Dataset, sql: str, parameters: Sequence[Any]) -> Any:
    with _opened(settings, dataset) as snapshot:
        return snapshot.first_value(sql, parameters)


def _changed_since(settings: Settings, dataset: Dataset, partition: date, moment: datetime) -> int:
    with _opened(settings, dataset) as snapshot:
        return changed_since(dataset, settings.datasets.of(dataset.name), snapshot, partition, moment)


@contextmanager
def _opened(settings: Settings, dataset: Dataset) -> Iterator[Snapshot]:
    snapshots = Snapshots(settings)
    try:
        yield snapshots.of(dataset.name)
    finally:
        snapshots.close()
