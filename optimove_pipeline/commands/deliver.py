"""``deliver``: take data sets from their sources to their targets through Dagster, for days or for their history."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.assets.history import HISTORY
from optimove_pipeline.assets.selection import DATASET_STAGES, SENT, key_range_tags
from optimove_pipeline.cadence import first_hour
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline.commands.history_load import is_delivered, loads
from optimove_pipeline.commands.run import Summary, materialise
from optimove_pipeline.commands.stopping import Stop, stoppable
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.history import first_day
from optimove_pipeline.datasets.selection import chosen_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.partition_keys import partition_key

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants delivered.

    The days from ``first`` to ``last`` of the ``names`` (all data sets if none), or their ``history`` before the
    first day. ``dry``: everything but the send. ``redeliver`` is the reason why delivered days are sent once more.
    """

    first: date
    last: date
    names: tuple[str, ...] = ()
    history: bool = False
    dry: bool = False
    redeliver: str = ""


@dataclass(frozen=True, slots=True)
class _Run:
    """One Dagster run: assets, and the keys of the first and last partition that it takes.

    It is not begun where any of the data sets ``after`` which it comes has failed.
    """

    keys: tuple[dg.AssetKey, ...]
    first: str
    last: str
    after: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The data sets it is for."""
        return frozenset(key.path[-1] for key in self.keys)


def deliver_datasets(settings: Settings, wish: Wish, tell: Tell) -> Summary:
    """Take data sets through their stages, telling each step; return what that came to.

    Raises:
        SettingsError: no data set is configured, one is named that is not, or there is no such day or trial.
        KeyboardInterrupt: the process was asked to end; what has arrived is kept.
    """
    datasets = chosen_of(settings, wish.names)
    if wish.history and wish.dry:
        raise SettingsError("--dry-run: months of history go from source to targets in one step; try days instead")
    summary, failed = Summary(), set[str]()
    with stoppable(tell) as stop, open_instance(prepare_dagster_home(settings.data_dir)) as instance:
        definitions = build_definitions(settings, reports=False)
        for run in _runs(settings, datasets, wish, tell):
            known = len(summary.problems)
            if run.after & failed:
                summary.problems.append(_not_begun(run, failed))
            else:
                _carry_out(definitions, instance, run, wish, tell, stop, summary)
            if len(summary.problems) > known:
                failed |= run.names
    return summary


def _not_begun(run: _Run, failed: set[str]) -> str:
    lacking = ", ".join(sorted(run.after & failed))
    return f"{', '.join(sorted(run.names))}: not begun: refers to {lacking}, of which something failed; run again"


def _carry_out(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    run: _Run,
    wish: Wish,
    tell: Tell,
    stop: Stop,
    summary: Summary,
) -> None:
    stop.check()
    reason = {"config": {"redeliver": wish.redeliver}}
    delivered = [key for key in run.keys if key.path[0] in {SENT[-1], HISTORY}] if wish.redeliver else []
    config: dict[str, Any] = {"ops": {"__".join(key.path): reason for key in delivered}} if delivered else {}
    tags = key_range_tags(run.first, run.last)
    materialise(
        definitions, instance, str(uuid.uuid4()), run.keys, tags, lambda event: _tell(event, tell), summary, config
    )


def _tell(event: dg.DagsterEvent, tell: Tell) -> None:
    if event.event_type is not dg.DagsterEventType.ASSET_MATERIALIZATION:
        return
    made = event.step_materialization_data.materialization
    rows = made.metadata["dagster/row_count"].value if "dagster/row_count" in made.metadata else 0
    tell(f"{made.asset_key.to_user_string()} of {made.partition}: {rows:,} rows")


def _runs(settings: Settings, datasets: Sequence[Dataset], wish: Wish, tell: Tell) -> Iterator[_Run]:
    """Yield the runs: of months where history is wanted, else of all days together, and of the hours of these."""
    if wish.history:
        yield from _runs_of_history(settings, datasets, wish, tell)
        return
    first = max(wish.first, first_day(settings))
    if wish.last < first:
        raise SettingsError(f"{wish.last} lies before {first}, the first day that is sent (datasets.first_day)")
    yield from _runs_of_days(settings, datasets, wish, first)


def _runs_of_history(settings: Settings, datasets: Sequence[Dataset], wish: Wish, tell: Tell) -> Iterator[_Run]:
    """Yield the newest day of what is only had as it is now, and then the months, which may refer to it."""
    whole = [each for each in datasets if each.load is Load.SNAPSHOT]
    if whole and wish.last < first_day(settings):
        names = ", ".join(each.name for each in whole)
        tell(f"{names}: comes with {first_day(settings)}, the first day that is sent (datasets.first_day)")
    else:
        yield from _runs_of_days(settings, _not_delivered(settings, whole, wish), wish, wish.last)
    months = [each for each in datasets if each not in whole]
    left = [*loads(settings, months, anew=bool(wish.redeliver))]
    done = {each.name for each in months} - {each.name for load in left for each in load.datasets}
    if done:
        tell(f"{', '.join(sorted(done))}: every month of the history is delivered")
    for load in left:
        keys = tuple(dg.AssetKey([HISTORY, each.name]) for each in load.datasets)
        after = frozenset(name for each in load.datasets for name in each.referred)
        yield _Run(keys, partition_key(load.first), partition_key(load.last), after)


def _not_delivered(settings: Settings, whole: Sequence[Dataset], wish: Wish) -> list[Dataset]:
    return [each for each in whole if wish.redeliver or not is_delivered(settings, each, wish.last)]


def _runs_of_days(settings: Settings, datasets: Sequence[Dataset], wish: Wish, first: date) -> Iterator[_Run]:
    hourly = [each for each in datasets if settings.datasets.of(each.name).cadence == "hourly"]
    daily = [each for each in datasets if each not in hourly]
    if daily:
        yield _Run(tuple(_keys(settings, daily, wish)), partition_key(first), partition_key(wish.last))
    if hourly:
        start, after = (first_hour(day, settings.zone) for day in (first, wish.last + timedelta(days=1)))
        hours = partition_key(start), partition_key(after - timedelta(hours=1))
        yield _Run(tuple(_keys(settings, hourly, wish)), *hours)


def _keys(settings: Settings, datasets: Sequence[Dataset], wish: Wish) -> Iterator[dg.AssetKey]:
    for dataset in datasets:
        sent = SENT[:1] if wish.dry else SENT
        stages = DATASET_STAGES + (sent if settings.delivery.of(dataset.name, is_report=False) else ())
        yield from (dg.AssetKey([stage, dataset.name]) for stage in stages)
