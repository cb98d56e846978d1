"""How far a feed's day has come on its way to its targets, read from what lies on the disk and in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import DATASET
from optimove_pipeline.datasets.volume_of_package import volume_of
from optimove_pipeline.delivered_packages import is_whole
from optimove_pipeline.feeds import Feed
from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.packages import Package, find_package, package_folder
from optimove_pipeline.stages.validate import QUARANTINE, REPORT, VALIDATED
from optimove_pipeline.staging import Partition, Staging


class Stage(StrEnum):
    """The last stage that a partition has reached, in their order."""

    NOTHING = "nothing yet"
    EXTRACTED = "extracted"
    HELD_BACK = "held back"
    VALIDATED = "validated"
    PACKAGED = "packaged"
    DELIVERED = "delivered"

    @property
    def place(self) -> int:
        """Its place in the order."""
        return [*Stage].index(self)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one partition of a feed stands.

    ``rows`` are those of its stage. ``files`` and ``bytes`` are of its package, ``sent`` the files that are delivered
    to all targets together, and ``delivered_at`` (UTC) when the last of them was. ``problem`` says in words what
    holds it back, and is empty where nothing does.
    """

    partition: date
    stage: Stage
    rows: int = 0
    quarantined: int = 0
    files: int = 0
    bytes: int = 0
    sent: int = 0
    delivered_at: datetime | None = None
    problem: str = ""


def standing_of(settings: Settings, feed: Feed, partition: date, targets: Sequence[str], path: Path) -> Standing:
    """Return where a partition stands; ``path`` is the ledger's file.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    staging = Staging(settings.data_dir / "staging")
    valid = staging.find(VALIDATED, feed.name, partition)
    broken = staging.find(QUARANTINE, feed.name, partition)
    made = find_package(package_folder(settings.packages_folder, feed.name, partition))
    entries = [each for target in targets for each in Ledger(path).newest(target, feed.name, partition)]
    stage = _stage(staging, feed, partition, valid, broken, made, targets, entries)
    at = max((each.finished_at or 0.0 for each in entries), default=0.0)
    return Standing(
        partition,
        stage,
        rows=_rows(staging, feed, partition, valid, made, stage),
        quarantined=broken.rows if broken else 0,
        files=len(made.parts) if made else 0,
        bytes=made.bytes if made else 0,
        sent=sum(each.state is State.DELIVERED and each.part > 0 for each in entries),
        delivered_at=datetime.fromtimestamp(at, UTC) if stage is Stage.DELIVERED and at else None,
        problem=_problem(settings, feed, stage, broken, made, entries, path),
    )


def _stage(
    staging: Staging,
    feed: Feed,
    partition: date,
    valid: Partition | None,
    broken: Partition | None,
    made: Package | None,
    targets: Sequence[str],
    entries: Sequence[Entry],
) -> Stage:
    there = {each.target for each in entries}
    if targets and there == {*targets} and is_whole(entries):
        return Stage.DELIVERED
    if valid is not None:
        return Stage.VALIDATED if made is None else Stage.PACKAGED
    if broken is not None:
        return Stage.HELD_BACK
    return Stage.EXTRACTED if staging.find(_first(feed), feed.name, partition) else Stage.NOTHING


def _first(feed: Feed) -> str:
    return DATASET if isinstance(feed, Dataset) else REPORT


def _rows(
    staging: Staging, feed: Feed, partition: date, valid: Partition | None, made: Package | None, stage: Stage
) -> int:
    match stage:
        case Stage.DELIVERED | Stage.PACKAGED if made is not None:
            return made.rows
        case Stage.EXTRACTED | Stage.HELD_BACK:
            held = staging.find(_first(feed), feed.name, partition)
            return held.rows if held else 0
        case _:
            return valid.rows if valid else 0


def _problem(
    settings: Settings,
    feed: Feed,
    stage: Stage,
    broken: Partition | None,
    made: Package | None,
    entries: Sequence[Entry],
    path: Path,
) -> str:
    if stage is Stage.HELD_BACK and broken is not None:
        return f"{broken.rows:,} of {broken.metadata['rows_in']:,} rows broke its rules: {_rules(broken)}"
    if stage is not Stage.PACKAGED or made is None:
        return ""
    failed = [each for each in entries if each.state is State.FAILED]
    if failed:
        return f"{failed[0].name} to {failed[0].target}: {failed[0].problem}"
    if isinstance(feed, Dataset):
        verdict = volume_of(settings, made, path)
        return "" if verdict.passed or not verdict.blocks else f"data_volume: {verdict.reason}"
    return ""


def _rules(broken: Partition) -> str:
    by_rule: dict[str, int] = broken.metadata["by_rule"]
    blocking = broken.metadata.get("blocked_by", [])
    return ", ".join(f"{rule} {rows:,}{' (blocks)' if rule in blocking else ''}" for rule, rows in by_rule.items())
