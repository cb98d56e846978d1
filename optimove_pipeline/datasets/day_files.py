"""Which files of a whole day Optimove's check would miss: those of all data sets that it expects, at all targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from optimove_pipeline.datasets.cadences import cadence_of, times_of
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.missing_files import MissingFile, beginning_of, missing_files
from optimove_pipeline.datasets.partitions import partitions_of
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import find_package, package_folder
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.settings.target import TableTargetSettings

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings


def missing_of(settings: Settings, dataset: Dataset, partition: date, path: Path) -> list[MissingFile]:
    """Return what of a partition is not at a target of its data set; nothing of one that is not expected.

    ``path`` is the ledger's file. Raises as ``missing_files`` does.
    """
    if not settings.datasets.of(dataset.name).expected:
        return []
    targets = settings.delivery.of(dataset.name, is_report=False)
    tables = [name for name in targets if takes_tables(settings, name)]
    return missing_files(
        [dataset],
        partition,
        Ledger(path),
        {dataset.name: targets},
        {dataset.name: beginning_of(settings.packages, dataset)},
        tables,
    )


def missing_on(settings: Settings, partition: date, now: datetime, path: Path) -> Iterator[tuple[date, MissingFile]]:
    """Yield what is missing of a business day by ``now``, or of an hour of the hourly data sets, with its partition.

    Partitions that have not ended are not missing yet. Raises as ``missing_files`` does.
    """
    for dataset in settings.chosen_datasets:
        cadence = cadence_of(settings, dataset.name)
        for each in _beside(settings, dataset, partition):
            if cadence.ended_at(each) <= now:
                yield from ((each, missing) for missing in missing_of(settings, dataset, each, path))


def awaited(settings: Settings, dataset: Dataset, datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return which of the ``datasets`` that are sent must be packaged before a day of this one leaves.

    Those that Optimove expects too and that start at the same time; none where ``datasets.missing_files`` only warns,
    or where this one is not expected itself.
    """
    if settings.datasets.missing_files == "warn" or not settings.datasets.of(dataset.name).expected:
        return []
    times = times_of(settings, dataset.name)
    return [
        each
        for each in datasets
        if each.name != dataset.name and times_of(settings, each.name) == times
        if settings.datasets.of(each.name).expected
        if settings.delivery.of(each.name, is_report=False)
    ]


def not_packaged(settings: Settings, dataset: Dataset, partition: date, now: datetime) -> list[str]:
    """Return the names of the data sets ``awaited`` that have no package of a partition, and are not delivered.

    Of a past day a catalog can't be had any more, so it is not missed there. Raises as ``missing_files`` does.
    """
    if isinstance(partition, Month):
        return []
    past = partition < cadence_of(settings, dataset.name).expected(now)
    path = ledger_file(settings.data_dir)
    return [
        each.name
        for each in awaited(settings, dataset, settings.chosen_datasets)
        if not (past and each.load is Load.SNAPSHOT)
        if find_package(package_folder(settings.packages_folder, each.name, partition)) is None
        and missing_of(settings, each, partition, path)
    ]


def takes_tables(settings: Settings, target: str) -> bool:
    """Return whether a target, by its name, takes tables and no files."""
    return isinstance(settings.target(target), TableTargetSettings)


def _beside(settings: Settings, dataset: Dataset, partition: date) -> Sequence[date]:
    if isinstance(partition, datetime):
        return [partition] if settings.datasets.of(dataset.name).cadence == "hourly" else []
    return partitions_of(settings, dataset.name, partition)
