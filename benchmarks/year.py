"""A year of all reports in daily partitions, against Dagster's default: a run for each day, a process a step."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.day import by_processes, environment
from benchmarks.measuring import Measured, measure_command, tell
from benchmarks.results import Figure, Section
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

LAST, YEAR = date(2025, 12, 31), 365

DAYS = 92
"""Days that this project pulls here: October to December, in some ten minutes."""

BASELINE_DAYS = 2
"""Days that the baseline pulls besides the last, some minutes each: a whole year would take days."""

_OURS, _THEIRS = "optimove-pipeline run", "Dagster's defaults"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of partitions took, a partition being a day of a report through all stages."""

    days: int
    partitions: int
    seconds: float
    cpu_seconds: float


def measure_year(days: int = DAYS, baseline_days: int = BASELINE_DAYS) -> Section:
    """Measure ``days`` days as this project takes them, and a few by Dagster's defaults, and compare a year."""
    with running_sandbox(preset="tiny", today=LAST + timedelta(days=1), windows=()) as sandbox:
        ours = _ours(sandbox, days)
        newest, others = _theirs(sandbox, baseline_days)
    theirs = Cost(
        days,
        ours.partitions,
        newest.seconds + (days - 1) * mean(day.seconds for day in others),
        newest.cpu_seconds + (days - 1) * mean(day.cpu_seconds for day in others),
    )
    return Section("A year of all reports", _note(ours, baseline_days), _figures(ours, theirs))


def _ours(sandbox: RunningSandbox, days: int) -> Cost:
    first = LAST - timedelta(days=days - 1)
    command = [str(Path(sys.executable).with_name("optimove-pipeline")), "run", "--json"]
    with TemporaryDirectory(prefix="benchmark-") as folder:
        run = _measured(
            f"{_OURS}, {days} days",
            [*command, "--from", first.isoformat(), "--to", LAST.isoformat()],
            environment(sandbox, Path(folder), "all"),
        )
    partitions = sum(line["days"] for line in json.loads(run.found)["lines"].values())
    return Cost(days, partitions, run.seconds, run.cpu_seconds)


def _theirs(sandbox: RunningSandbox, days: int) -> tuple[Measured, list[Measured]]:
    """Return what the last day took, with the reports that only it has, and what each of the days before it took."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        variables = environment(sandbox, Path(folder), "all")
        newest = _measured(f"{_THEIRS}, {LAST}", by_processes(LAST), variables)
        before = [LAST - timedelta(days=past) for past in range(1, days + 1)]
        others = [
            _measured(f"{_THEIRS}, {day}", by_processes(day, "dated_by_processes"), variables) for day in before
        ]
    return newest, others


def _measured(what: str, command: Sequence[str], variables: dict[str, str]) -> Measured:
    run = measure_command(command, variables)
    tell(f"  {what}: {run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s")
    return run


def _note(ours: Cost, baseline_days: int) -> str:
    whole = "" if ours.days == YEAR else f", the last {ours.days} days of a year"
    return (
        f"All 27 reports of the sandbox's tenant `tiny`{whole}: {ours.partitions:,} partitions, a partition being a "
        "day of a report from the API to its table. The sandbox has no latency and no limits, so that what is left "
        "is what the machinery costs; its own CPU is not counted. This project takes the days in chunks of 31, a run "
        f"each, in one process. The baseline is a run for each day with a process for each step: {baseline_days + 1} "
        "such runs were measured, the last day with its snapshots and others without, and scaled up to as many days. "
        "A year is scaled up from the days measured, on both sides."
    )


def _figures(ours: Cost, theirs: Cost) -> tuple[Figure, ...]:
    return (
        _figure("seconds for a partition", ours.seconds / ours.partitions, theirs.seconds / theirs.partitions, "s"),
        _figure(
            "CPU seconds for a partition",
            ours.cpu_seconds / ours.partitions,
            theirs.cpu_seconds / theirs.partitions,
            "s",
        ),
        _figure("hours for a year", _hours_of_year(ours.seconds, ours), _hours_of_year(theirs.seconds, theirs), "h"),
        _figure(
            "CPU hours for a year",
            _hours_of_year(ours.cpu_seconds, ours),
            _hours_of_year(theirs.cpu_seconds, theirs),
            "h",
        ),
    )


def _hours_of_year(seconds: float, cost: Cost) -> float:
    return seconds / cost.days * YEAR / 3600


def _figure(what: str, ours: float, theirs: float, unit: str) -> Figure:
    return Figure(what, f"{ours:.2f} {unit}", _THEIRS, f"{theirs:.2f} {unit}", ours / theirs)
