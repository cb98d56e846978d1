"""Which months of the initial full load a command takes, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from itertools import groupby

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.history import history_windows, partition_window
from optimove_pipeline.delivered_packages import is_whole
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import find_package, package_folder
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.watermarks import watermark


@dataclass(frozen=True, slots=True)
class Load:
    """Data sets of which one run takes all months from ``first`` to ``last``."""

    datasets: tuple[Dataset, ...]
    first: Month
    last: Month


def loads(settings: Settings, datasets: Sequence[Dataset], *, anew: bool) -> Iterator[Load]:
    """Yield what is left of the history of data sets, what others refer to first; ``anew``: all months of each.

    A data set goes on with its first month that is not delivered at every target, so none of those that are is read
    again: its rows may have changed since, and come with the days of their change.

    Raises:
        SettingsError, BusyError: as the ledger does.
    """
    months = [*history_windows(settings)]
    for first, group in groupby(_by_reference(datasets), lambda each: _next(settings, each, months, anew=anew)):
        if first is not None:
            yield Load(tuple(group), first, months[-1])


def is_delivered(settings: Settings, dataset: Dataset, partition: date) -> bool:
    """Return whether every target has a partition whole; without targets none is known to be.

    Raises:
        SettingsError, BusyError: as the ledger does.
    """
    targets = settings.delivery.of(dataset.name, is_report=False)
    return bool(targets) and all(_has(settings, dataset, partition, target) for target in targets)


def _has(settings: Settings, dataset: Dataset, partition: date, target: str) -> bool:
    path = ledger_file(settings.data_dir)
    reached = watermark(path, dataset.name, target)
    # A run that was killed right after the last file has not moved the watermark yet: the next one does.
    if reached is None or reached < partition_window(settings, dataset, partition).end:
        return False
    entries = Ledger(path).newest(target, dataset.name, partition)
    if entries:
        return is_whole(entries)
    # A partition without rows may have no files (packages.empty_day).
    made = find_package(package_folder(settings.packages_folder, dataset.name, partition))
    return made is not None and not made.parts


def _next(settings: Settings, dataset: Dataset, months: Sequence[Month], *, anew: bool) -> Month | None:
    return next((month for month in months if anew or not is_delivered(settings, dataset, month)), None)


def _by_reference(datasets: Sequence[Dataset]) -> list[Dataset]:
    by_name = {dataset.name: dataset for dataset in datasets}
    order = TopologicalSorter({name: sorted({*each.referred} & by_name.keys()) for name, each in by_name.items()})
    return [by_name[name] for name in order.static_order()]
