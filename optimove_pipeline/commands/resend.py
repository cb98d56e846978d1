"""``quarantine --resend``: a partition is read from its source again, and sent again if that changed its files."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.assets.selection import DATASET_STAGES, PULLED, SENT, key_range_tags
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline.commands.run import Summary, materialise
from optimove_pipeline.commands.stopping import stoppable
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.delivered_packages import has
from optimove_pipeline.feeds import Feed
from optimove_pipeline.ledger import Ledger, State, ledger_file
from optimove_pipeline.packages import Package, open_package, package_folder
from optimove_pipeline.partition_keys import partition_key

REASON = "corrected rows"
"""What the ledger has as the reason of such a redelivery."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """What runs of one command need."""

    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    summary: Summary


def resend(settings: Settings, feed: Feed, partitions: Sequence[date], tell: Callable[[str], None]) -> Summary:
    """Take partitions of a feed through all stages again, telling what came of each; return what that came to.

    One whose files are the same as those delivered is not sent. One that changed is sent under new names.

    Raises:
        KeyboardInterrupt: the process was asked to end; what has arrived is kept.
    """
    summary = Summary()
    with stoppable(tell) as stop, open_instance(prepare_dagster_home(settings.data_dir)) as instance:
        runs = _Runs(settings, build_definitions(settings), instance, summary)
        for partition in partitions:
            stop.check()
            tell(f"{feed.name} of {partition_key(partition)}: {_resent(runs, feed, partition)}")
    return summary


def _resent(runs: _Runs, feed: Feed, partition: date) -> str:
    """Make a partition again, send it if need be, and return in words what was done."""
    is_dataset = isinstance(feed, Dataset)
    targets = runs.settings.delivery.of(feed.name, is_report=not is_dataset)
    stages = DATASET_STAGES if is_dataset else PULLED
    if not _materialise(runs, feed, partition, (*stages, *SENT[:1]) if targets else stages):
        return "not made"
    left = f"{runs.summary.lines[feed.name].quarantined:,} rows in quarantine"
    if not targets:
        return f"made again, {left}"
    made = open_package(package_folder(runs.settings.packages_folder, feed.name, partition))
    ledger = Ledger(ledger_file(runs.settings.data_dir))
    if all(has(ledger, target, made) for target in targets):
        return f"made again, {left}; its files are those delivered before, so nothing was sent"
    again = any(_was_seen(ledger, made, target) for target in targets)
    if not _materialise(runs, feed, partition, SENT[1:], REASON if again else ""):
        return f"made again, {left}; not sent"
    named = f"under new names ({REASON}); tell the receiver which to ignore" if again else "for the first time"
    return f"made again, {left}; sent {named}"


def _materialise(runs: _Runs, feed: Feed, partition: date, stages: Sequence[str], reason: str = "") -> bool:
    """Materialise stages of a partition in one run; return whether nothing went wrong."""
    before, key = len(runs.summary.problems), partition_key(partition)
    keys = [dg.AssetKey([stage, feed.name]) for stage in stages]
    config: dict[str, Any] = {"ops": {"__".join(keys[-1].path): {"config": {"redeliver": reason}}}} if reason else {}
    tags = key_range_tags(key, key)
    materialise(runs.definitions, runs.instance, str(uuid.uuid4()), keys, tags, lambda _: None, runs.summary, config)
    return len(runs.summary.problems) == before


def _was_seen(ledger: Ledger, made: Package, target: str) -> bool:
    """Return whether the receiver may have seen files of the partition."""
    entries = ledger.newest(target, made.feed, made.day)
    return any(each.state not in {State.PLANNED, State.FAILED} for each in entries)
