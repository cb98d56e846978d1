"""A year of all reports in daily partitions, against Dagster's default: a run for each day, a process a step."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.day import by_processes, environment
from benchmarks.measuring import Measured, measure_command, tell
from benchmarks.results import Figure, Section
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

LAST, YEAR = date(2025, 12, 31), 365

DAYS = 92
"""Days that this project pulls here: October to December, in some ten minutes."""

_OURS, _THEIRS = "optimove-pipeline run", "Dagster's defaults"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of partitions took, a partition being a day of a report through all stages."""

    days: int
    partitions: int
    seconds: float
    cpu_seconds: float


def measure_year(days: int = DAYS) -> Section:
    """Measure ``days`` days as this project takes them, and one by Dagster's defaults, and compare a year."""
    with running_sandbox(preset="tiny", today=LAST + timedelta(days=1), windows=()) as sandbox:
        ours = _ours(sandbox, days)
        newest = _theirs(sandbox)
    return compared(ours, newest.seconds, newest.cpu_seconds)


def compared(ours: Cost, seconds: float, cpu_seconds: float) -> Section:
    """Return the section; the baseline's last day took ``seconds``, the days before it have fewer steps."""
    dated = sum(not report.snapshot for report in REPORTS) / len(REPORTS)
    times = 1 + (ours.days - 1) * dated
    theirs = Cost(ours.days, ours.partitions, seconds * times, cpu_seconds * times)
    return Section("A year of all reports", _note(ours), _figures(ours, theirs))


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


def _theirs(sandbox: RunningSandbox) -> Measured:
    """Return what the last day took, with the reports that only it has."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        return _measured(f"{_THEIRS}, {LAST}", by_processes(LAST), environment(sandbox, Path(folder), "all"))


def _measured(what: str, command: Sequence[str], variables: dict[str, str]) -> Measured:
    run = measure_command(command, variables)
    tell(f"  {what}: {run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s")
    return run


def _note(ours: Cost) -> str:
    whole = "" if ours.days == YEAR else f", the last {ours.days} days of a year"
    return (
        f"All 27 reports of the sandbox's tenant `tiny`{whole}: {ours.partitions:,} partitions, a partition being a "
        "day of a report from the API to its table. The sandbox has no latency and no limits, so that what is left "
        "is what the machinery costs; its own CPU is not counted. This project takes the days in chunks of 31, a run "
        "each, in one process. The baseline is a run for each day with a process for each step: one such run was "
        "measured, the last day with its snapshots, and scaled up to as many days, those before it by their fewer "
        "steps. A year is scaled up from the days measured, on both sides."
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
