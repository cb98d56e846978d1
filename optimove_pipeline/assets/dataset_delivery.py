"""How a data set's packages are made and let go: Optimove's own two checks first, its watermark after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime

from optimove_pipeline.assets.dataset_partitions import past_snapshots
from optimove_pipeline.assets.outcomes import Skipped
from optimove_pipeline.assets.passage import MISSING_FILES, Judged, Passage
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import stamp_of_names
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.day_files import missing_on, not_packaged, takes_tables
from optimove_pipeline.datasets.forgotten import forgotten_in
from optimove_pipeline.datasets.history import first_day, history_windows, partition_window
from optimove_pipeline.datasets.packaging import options_of
from optimove_pipeline.datasets.reconciliation import account_of
from optimove_pipeline.datasets.shapes import refuse_other_shape
from optimove_pipeline.datasets.volume_of_package import volume_of
from optimove_pipeline.datasets.windows import time_of
from optimove_pipeline.feed_standing import standing_of
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.packages import Package, Window
from optimove_pipeline.partition_keys import Month, partition_key
from optimove_pipeline.session import Session
from optimove_pipeline.settings.packages import PackageOptions
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.package import package
from optimove_pipeline.watermarks import move, watermark

VOLUME = "data_volume"


def dataset_passage(dataset: Dataset, awaited: tuple[str, ...] = ()) -> Passage:
    """Return the way of a data set's packages; those of the data sets ``awaited`` come before they leave."""

    def make(session: Session, day: date) -> Package:
        return _make(session, dataset, day)

    def options(session: Session, day: date) -> PackageOptions:
        return options_of(session.settings, dataset, day)

    def forgotten(session: Session) -> Forgotten:
        return forgotten_in(session.settings, dataset, session.staging)

    def judged(session: Session, made: Package) -> list[Judged]:
        return [_volume(session, made), _missing_files(session, dataset, made)]

    def record(session: Session, made: Package, target: str) -> None:
        if made.window is not None:
            path = ledger_file(session.settings.data_dir)
            since = _needed_before(session, dataset, made.day, made.window, target)
            move(path, dataset.name, target, made.window.end, session.run_id, since=since)

    def absent(session: Session, partitions: Sequence[date]) -> Skipped:
        return past_snapshots(session, dataset, partitions, "validated")

    def waits_for(session: Session, day: date) -> str:
        return _waits_for(session.settings, dataset, day)

    def lacking(session: Session, day: date) -> list[str]:
        return [*_lacking(session.settings, day)]

    def account(session: Session, made: Package) -> dict[str, int]:
        found = account_of(dataset, made.day, session.staging, made)
        return {f"rows, {name.replace('_', ' ')}": rows for name, rows in asdict(found).items()}

    return Passage(
        make,
        options,
        forgotten,
        absent,
        (VOLUME, MISSING_FILES),
        judged,
        record=record,
        awaited=awaited,
        waits_for=waits_for,
        lacking=lacking,
        account=account,
    )


def _make(session: Session, dataset: Dataset, day: date) -> Package:
    settings = session.settings
    partition = session.staging.open("validated", dataset.name, day)
    refuse_other_shape(dataset, partition)
    return package(
        dataset,
        partition,
        options_of(settings, dataset, day),
        settings.packages_folder,
        ready=stamp_of_names(settings, dataset.name, day),
        window=partition_window(settings, dataset, day),
        forgotten=forgotten_in(settings, dataset, session.staging),
    )


def _needed_before(session: Session, dataset: Dataset, day: date, window: Window, target: str) -> datetime | None:
    """Return up to where all must be at a target before the watermark may pass a partition; None: nothing need be.

    So it is of a partition that holds all rows, and of the first one: that of ``datasets.first_day`` or of the
    history, or where no first day is set the first one that the target gets.
    """
    settings = session.settings
    if isinstance(day, Month):
        return None if day == min(history_windows(settings)) else window.start
    start = time_of(day, settings.zone).start
    if dataset.load is Load.SNAPSHOT or start <= time_of(first_day(settings), settings.zone).start:
        return None
    if (
        settings.datasets.first_day is None
        and watermark(ledger_file(settings.data_dir), dataset.name, target) is None
    ):
        return None
    return start


def _waits_for(settings: Settings, dataset: Dataset, day: date) -> str:
    missing = not_packaged(settings, dataset, day, datetime.now(UTC))
    if not missing:
        return ""
    return (
        f"{MISSING_FILES}: Optimove expects {', '.join(missing)} of that day as well, and there is no package: make "
        f"it first, or set datasets.missing_files to warn, or datasets.each.{missing[0]}.expected to false"
    )


def _lacking(settings: Settings, day: date) -> Iterator[str]:
    path = ledger_file(settings.data_dir)
    datasets = {each.name: each for each in settings.chosen_datasets}
    for partition, missing in missing_on(settings, day, datetime.now(UTC), path):
        stage = standing_of(settings, datasets[missing.dataset], partition, (missing.target,), path).stage
        yield f"{missing.dataset} of {partition_key(partition)} at {missing.target}: {missing.reason} ({stage})"


def _volume(session: Session, made: Package) -> Judged:
    settings = session.settings
    if isinstance(made.day, Month):
        return Judged(VOLUME, passed=True, blocks=False, text=f"{made.rows:,} rows: a month of history is not judged")
    verdict = volume_of(settings, made, ledger_file(settings.data_dir))
    return Judged(VOLUME, verdict.passed, verdict.blocks, verdict.reason)


def _missing_files(session: Session, dataset: Dataset, made: Package) -> Judged:
    expected = session.settings.datasets.of(dataset.name).expected
    targets = session.settings.delivery.of(dataset.name, is_report=False)
    if all(takes_tables(session.settings, name) for name in targets):
        return Judged(MISSING_FILES, passed=True, blocks=True, text="no target takes files")
    if made.parts or not expected:
        return Judged(MISSING_FILES, passed=True, blocks=True, text=f"{len(made.parts)} files")
    text = (
        "no file for a day without rows (packages.empty_day), though Optimove expects one: set "
        f"packages.each.{dataset.name}.empty_day to part, or datasets.each.{dataset.name}.expected to false"
    )
    return Judged(MISSING_FILES, passed=False, blocks=True, text=text)
