"""``sample``: the test transfer, a few rows of each data set to the test folder of its targets.

Nothing of it is recorded: it is no delivery, and moves no watermark (reference on delivery, section 4.7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import duckdb
from duckdb import DuckDBPyConnection

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import stamp_of_names
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.extraction import extract_dataset
from optimove_pipeline.datasets.forgotten import forgotten_of
from optimove_pipeline.datasets.history import partition_window
from optimove_pipeline.datasets.known import known_of
from optimove_pipeline.datasets.masking import Masks, mask_rows, personal_names, personal_values
from optimove_pipeline.datasets.packaging import options_of
from optimove_pipeline.datasets.partitions import newest_partition
from optimove_pipeline.datasets.samples import referred_first, sample_rows, with_referred
from optimove_pipeline.datasets.selection import chosen_of
from optimove_pipeline.datasets.snapshots import Snapshots
from optimove_pipeline.datasets.sources.duck import scratch
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.errors import PipelineError, SettingsError
from optimove_pipeline.packages import Package
from optimove_pipeline.settings.delivery import OUTBOX
from optimove_pipeline.settings.target import FileTargetSettings
from optimove_pipeline.stages.package import package
from optimove_pipeline.stages.planned_files import marked
from optimove_pipeline.stages.validate import VALIDATED
from optimove_pipeline.staging import Partition, Staging
from optimove_pipeline.suppression import suppressed
from optimove_pipeline.targets.target import Part, Target
from optimove_pipeline.warehouse import Warehouse

PATIENCE_SECONDS = 30.0
"""How long another process that has the warehouse is waited for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants a sample of: at most ``rows`` of each of the ``names``, or of all data sets.

    Of a business ``day``, by default the last that has ended; to one ``target``, by default to each data set's own.
    """

    names: tuple[str, ...] = ()
    rows: int = 100
    mask: bool = False
    target: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample: its rows, those of the whole day that were left out as broken by rule, and where each file lies."""

    dataset: str
    rows: int
    broken: dict[str, int]
    files: tuple[str, ...]


@dataclass(slots=True)
class Samples:
    """What was sent, and in a line each what went wrong."""

    sent: list[Sent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def send_samples(settings: Settings, wish: Wish, tell: Callable[[str], None]) -> Samples:
    """Read, validate, package and send a sample of each data set, telling each step.

    Raises:
        SettingsError: a data set or target is named that is not there, or a data set has no target.
    """
    chosen = chosen_of(settings, wish.names)
    targets = {dataset.name: _targets(settings, dataset, wish) for dataset in chosen}
    samples = Samples()
    with scratch(settings.data_dir) as folder:
        staging = Staging(folder / "staging")
        every = referred_first(with_referred(chosen, settings.chosen_datasets))
        held = _validated(settings, every, wish, staging, samples, tell)
        _cut_down(held, every, wish, staging)
        for dataset in [each for each in chosen if each.name in held]:
            made = _packaged(settings, dataset, staging.open(*_place(held[dataset.name])), folder / "packages")
            _send(dataset, made, targets[dataset.name], samples, held[dataset.name].metadata["by_rule"])
    return samples


def _targets(settings: Settings, dataset: Dataset, wish: Wish) -> list[Target]:
    names = (wish.target,) if wish.target else settings.delivery.of(dataset.name, is_report=False)
    if not names:
        raise SettingsError(f"{dataset.name} is delivered to no target: name one with --target, or in `delivery`")
    if wish.target and wish.target not in {OUTBOX, *settings.targets}:
        known = ", ".join(sorted({OUTBOX, *settings.targets}))
        raise SettingsError(f"--target {wish.target}: no such target; there are {known}")
    opened = list[Target]()
    for name in names:
        own = settings.target(name)
        if isinstance(own, FileTargetSettings):
            opened.append(own.for_trials(name).open(name, settings.data_dir))
        elif wish.target:
            raise SettingsError(f"--target {name}: it takes tables, not files; samples go to targets that take files")
    if not opened:
        raise SettingsError(f"{dataset.name}: none of its targets takes files: name one with --target")
    return opened


def _validated(
    settings: Settings,
    datasets: Sequence[Dataset],
    wish: Wish,
    staging: Staging,
    samples: Samples,
    tell: Callable[[str], None],
) -> dict[str, Partition]:
    """Return the partitions of the data sets that could be made, by name."""
    held, snapshots, now = dict[str, Partition](), Snapshots(settings), datetime.now(UTC)
    try:
        for dataset in datasets:
            partition = newest_partition(settings, dataset.name, now, wish.day)
            try:
                found = _made(settings, dataset, partition, snapshots, staging, now)
            except PipelineError as error:
                samples.problems.append(str(error))
                continue
            held[dataset.name] = staging.open(VALIDATED, dataset.name, partition)
            tell(f"{dataset.name}: {found.rows:,} of {found.rows_in:,} rows to choose from")
    finally:
        snapshots.close()
    return held


def _made(
    settings: Settings, dataset: Dataset, partition: date, snapshots: Snapshots, staging: Staging, now: datetime
) -> DatasetValidation:
    """Extract and validate a partition; rows that are broken are only left out, unless a rule blocks."""
    own = settings.datasets.of(dataset.name)
    window = partition_window(settings, dataset, partition) if dataset.load is Load.CHANGES else None
    snapshot = snapshots.of(dataset.name)
    extract_dataset(dataset, own, snapshot, partition, window, staging, zone=settings.zone)
    forgotten = forgotten_of(
        dataset,
        settings.chosen_datasets,
        staging,
        lambda: _warehouse(settings),
        suppressed(settings.data_dir),
    )
    with _warehouse(settings) as connection:
        known = known_of(dataset, partition, staging, connection, forgotten=forgotten)
    tolerant = own.model_copy(update={"tolerated_share": 1.0})
    return validate_dataset(dataset, partition, staging, tolerant, known, now=now)


@contextmanager
def _warehouse(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """Yield the warehouse, to see what customers are known; an empty one where there is none."""
    path = settings.warehouse_path
    if not path.exists():
        with duckdb.connect() as empty:
            yield empty
        return
    with Warehouse(path, lock_timeout=PATIENCE_SECONDS).open("a sample") as connection:
        yield connection


def _cut_down(held: Mapping[str, Partition], datasets: Sequence[Dataset], wish: Wish, staging: Staging) -> None:
    """Replace the partitions by samples of them."""
    rows = sample_rows(held, datasets, wish.rows)
    of = {dataset.name: dataset for dataset in datasets}
    masks, personal = Masks(), personal_names(datasets)
    for name, frame in rows.items():
        masks.avoid(personal_values(frame, of[name]))
    for name, frame in rows.items():
        with staging.writing(*_place(held[name])) as writer:
            writer.write(mask_rows(frame, of[name], personal, masks) if wish.mask else frame)
            writer.metadata |= held[name].metadata


def _place(partition: Partition) -> tuple[str, str, date]:
    return partition.stage, partition.feed, partition.day


def _packaged(settings: Settings, dataset: Dataset, partition: Partition, root: Path) -> Package:
    options = options_of(settings, dataset)
    return package(dataset, partition, options, root, ready=stamp_of_names(settings, dataset.name, partition.day))


def _send(
    dataset: Dataset, made: Package, targets: Sequence[Target], samples: Samples, broken: dict[str, int]
) -> None:
    files = list[str]()
    for target in targets:
        try:
            files += _files_sent(made, target)
        except PipelineError as error:
            samples.problems.append(f"{dataset.name}: {error}")
    samples.sent.append(Sent(dataset.name, made.rows, broken, tuple(files)))


def _files_sent(made: Package, target: Target) -> Iterator[str]:
    """Yield where each file lies, once it does; the sample that lay there before is replaced."""
    with target.session() as session:
        for each in made.parts:
            part = Part(made.file(each), sample_name(each.name), each.rows, each.bytes, each.sha256)
            if session.look(part) is not None:
                session.discard(part)
            session.send(part, lambda: None)
            yield f"{target.place.rstrip('/')}/{part.name}"


def sample_name(name: str) -> str:
    """Return the name of a sample's file: ``Customers_20261120_060000_001_sample.csv.gz``."""
    return marked(PurePosixPath(name).name, "sample")
