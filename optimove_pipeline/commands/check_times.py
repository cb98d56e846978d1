"""Checks of the times that are set: what happens when, and which of them contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from optimove_pipeline.commands.durations import told
from optimove_pipeline.commands.findings import Finding, unless, warned
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.datasets.partitions import newest_partition
from optimove_pipeline.datasets.windows import readable_from
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.readiness import expected_day, late_at, ready_at

_LONGEST_WAIT = timedelta(hours=12)


def check_times(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield when reports and data sets are looked for and due, and warnings of times that can't be meant so."""
    day = expected_day(settings, now) + timedelta(days=1)
    looked = (
        f"{day} is looked for from {_moment(ready_at(settings, day))} on, late at {_moment(late_at(settings, day))}"
    )
    yield from unless([], "readiness of reports", looked)
    for times, names in _alike(settings, now).items():
        part = f"readiness of {', '.join(names)}"
        yield from unless([warned(part, problem) for problem in _problems(settings, names[0], now)], part, times)


def _alike(settings: Settings, now: datetime) -> dict[str, list[str]]:
    """Return the data sets by what is told of their times."""
    alike = dict[str, list[str]]()
    for dataset in settings.chosen_datasets:
        cadence = cadence_of(settings, dataset.name)
        partition = cadence.after(newest_partition(settings, dataset.name, now))
        times = (
            f"{partition_key(partition)} is looked for from {_moment(cadence.ready_at(partition))} on, "
            f"due at {_moment(cadence.late_at(partition))}"
        )
        alike.setdefault(times, []).append(dataset.name)
    return alike


def _problems(settings: Settings, name: str, now: datetime) -> Iterator[str]:
    cadence, own = cadence_of(settings, name), settings.datasets.of(name)
    partition = newest_partition(settings, name, now)
    ended, ready, due = cadence.ended_at(partition), cadence.ready_at(partition), cadence.late_at(partition)
    readable = readable_from(settings.datasets, partition, settings.zone)
    if own.cadence == "hourly":
        if own.within_minutes <= settings.datasets.delay_minutes:
            yield (
                f"within_minutes ({own.within_minutes}) leaves no time after datasets.delay_minutes "
                f"({settings.datasets.delay_minutes}), before which an hour is not read: make it longer"
            )
        return
    if (own.starts or "") >= (own.readiness or ""):
        yield (
            f"starts ({own.starts}) is not before readiness ({own.readiness}): a day is due only "
            f"{told((due - ended).total_seconds())} after its end; set starts earlier, or readiness later"
        )
    elif ready - ended > _LONGEST_WAIT:
        yield (
            f"a day ends at {_moment(ended)} in {settings.tenant.timezone} and is looked for only from "
            f"{_moment(ready)} on: set starts and readiness to times (UTC) soon after the day's end"
        )
    if readable >= due:
        yield (
            f"a day is read from {_moment(readable)} on (datasets.delay_minutes), but is due at {_moment(due)}: set "
            "a later readiness, or a shorter delay"
        )
    if due - ready <= timedelta(minutes=settings.datasets.warn_minutes):
        yield (
            f"datasets.warn_minutes ({settings.datasets.warn_minutes}) is no shorter than the time between starts "
            "and readiness, so that every day is alerted: make it shorter"
        )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
