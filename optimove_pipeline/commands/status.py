"""``status``: the feeds of a day at a glance, from the disk and the ledger; it asks neither API nor warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimove_pipeline.acknowledgements import Acknowledgement, accepted
from optimove_pipeline.automation.acceptance import GROUP
from optimove_pipeline.cadence import Cadence, Daily
from optimove_pipeline.commands.durations import told
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.day_files import missing_on
from optimove_pipeline.datasets.partitions import partitions_of
from optimove_pipeline.datasets.windows import newest_closed
from optimove_pipeline.feed_standing import Stage, Standing, standing_of
from optimove_pipeline.feeds import Feed
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.watermarks import watermark


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed on a business day; of an hourly one all hours that have ended, with the stage of the least of them.

    ``partitions`` are those that have ended, ``delivered`` how many of them are delivered. ``accepted`` is None where
    Optimove's acceptance can't be told. ``time`` says how it stands with readiness, ``watermarks`` by target up to
    which change (UTC) it is delivered, ``problems`` what holds it back.
    """

    feed: str
    kind: str
    stage: str
    partitions: int
    delivered: int
    rows: int
    quarantined: int
    files: int
    bytes: int
    targets: tuple[str, ...]
    accepted: str | None
    time: str
    late: bool
    watermarks: dict[str, str]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """All feeds of a business day, and in a line each the files that Optimove's check would miss."""

    day: date
    feeds: tuple[FeedStatus, ...]
    missing: tuple[str, ...]


def status_of(settings: Settings, now: datetime, day: date | None = None) -> Status:
    """Return how the feeds of a business day stand, by default of the last that has ended.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    chosen = day or newest_closed(date.min, now, settings.zone)
    with _ledger(settings.data_dir) as path:
        datasets = [_dataset(settings, dataset, chosen, now, path) for dataset in settings.chosen_datasets]
        reports = [
            _status(settings, report, "report", chosen, [chosen], targets, Daily(settings), now, path)
            for report in settings.reports.selected()
            if (targets := settings.delivery.of(report.name, is_report=True))
        ]
        return Status(chosen, (*datasets, *reports), tuple(_missing(settings, chosen, now, path)))


def as_document(status: Status) -> dict[str, Any]:
    """Return a status for programs."""
    return asdict(status) | {"day": status.day.isoformat()}


@contextmanager
def _ledger(data_dir: Path) -> Iterator[Path]:
    """Yield the ledger's file; where there is none yet an empty one elsewhere, so that nothing is begun."""
    path = ledger_file(data_dir)
    if path.exists():
        yield path
        return
    with TemporaryDirectory(prefix="optimove-ledger-") as folder:
        yield ledger_file(Path(folder))


def _dataset(settings: Settings, dataset: Dataset, day: date, now: datetime, path: Path) -> FeedStatus:
    targets = settings.delivery.of(dataset.name, is_report=False)
    cadence = cadence_of(settings, dataset.name)
    partitions = partitions_of(settings, dataset.name, day)
    return _status(settings, dataset, "data set", day, partitions, targets, cadence, now, path)


def _status(
    settings: Settings,
    feed: Feed,
    kind: str,
    day: date,
    partitions: Sequence[date],
    targets: tuple[str, ...],
    cadence: Cadence,
    now: datetime,
    path: Path,
) -> FeedStatus:
    ended = [each for each in partitions if cadence.ended_at(each) <= now] or list(partitions[:1])
    standings = [standing_of(settings, feed, each, targets, path) for each in ended]
    open_ones = [each for each in standings if each.stage is not Stage.DELIVERED]
    late = bool(targets) and any(cadence.late_at(each.partition) <= now for each in open_ones)
    return FeedStatus(
        feed=feed.name,
        kind=kind,
        stage=min((each.stage for each in standings), key=lambda stage: stage.place),
        partitions=len(standings),
        delivered=len(standings) - len(open_ones),
        rows=sum(each.rows for each in standings),
        quarantined=sum(each.quarantined for each in standings),
        files=sum(each.files for each in standings),
        bytes=sum(each.bytes for each in standings),
        targets=targets,
        accepted=_accepted(standings, day, path) if kind == "data set" and targets else None,
        time=_time(standings, cadence, now) if targets else "",
        late=late,
        watermarks=_watermarks(feed.name, targets, path),
        problems=tuple(f"{partition_key(each.partition)}: {each.problem}" for each in standings if each.problem),
    )


def _time(standings: Sequence[Standing], cadence: Cadence, now: datetime) -> str:
    """Return how the least of the partitions stands with its readiness."""
    open_ones = [each for each in standings if each.stage is not Stage.DELIVERED]
    if not open_ones:
        late = [
            each for each in standings if each.delivered_at and each.delivered_at > cadence.late_at(each.partition)
        ]
        return "delivered late" if late else "in time"
    left = (min(cadence.late_at(each.partition) for each in open_ones) - now).total_seconds()
    return f"{told(left)} left" if left > 0 else f"LATE by {told(-left)}"


def _accepted(standings: Sequence[Standing], day: date, path: Path) -> str:
    if any(each.delivered_at is None for each in standings):
        return ""
    seen: Acknowledgement | None = accepted(path, GROUP).get(day)
    delivered = max(each.delivered_at.timestamp() for each in standings if each.delivered_at)
    return f"by {seen.accepted_by}" if seen and seen.accepted_at >= delivered else "not yet"


def _watermarks(feed: str, targets: Sequence[str], path: Path) -> dict[str, str]:
    found = {target: watermark(path, feed, target) for target in targets}
    return {target: f"{until:%Y-%m-%d %H:%M}" for target, until in found.items() if until}


def _missing(settings: Settings, day: date, now: datetime, path: Path) -> Iterator[str]:
    for partition, each in missing_on(settings, day, now, path):
        yield f"{each.dataset} of {partition_key(partition)} at {each.target}: {each.reason}"
