"""Measuring: a function in a process of its own, its seconds, CPU seconds and peak of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took: seconds, CPU seconds, the peak of resident memory in bytes, and what it ``found``."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    found: Any = None

    @property
    def peak_mib(self) -> float:
        """The peak of resident memory in MiB."""
        return self.peak_bytes / MIB


def measure(function: str, **arguments: Any) -> Measured:
    """Call ``function`` (``module:name``) in a process of its own; what it returns, JSON, is ``found``.

    Raises:
        CalledProcessError: the process failed; its own message is above.
    """
    command = [sys.executable, "-m", "benchmarks.subject", function, json.dumps(arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measure_command(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command with further environment variables; what it prints is ``found``. Memory is not measured.

    Raises:
        CalledProcessError: the command failed; what it told is above.
    """
    before, began = os.times(), perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | dict(environment))
    seconds, after = perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    if done.returncode:
        tell(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return Measured(seconds, cpu, 0, done.stdout)


def alternate(rounds: int, subjects: Mapping[str, Callable[[], Measured]]) -> dict[str, Measured]:
    """Run each subject once a round, one after the other, and return the medians of each."""
    runs: dict[str, list[Measured]] = {name: [] for name in subjects}
    for number in range(1, rounds + 1):
        for name, subject in subjects.items():
            run = subject()
            runs[name].append(run)
            tell(f"  {number}/{rounds} {name}: {_told(run)}")
    return {name: _median(of_subject) for name, of_subject in runs.items()}


def _median(runs: Iterable[Measured]) -> Measured:
    every = list(runs)
    return Measured(
        median(run.seconds for run in every),
        median(run.cpu_seconds for run in every),
        max(run.peak_bytes for run in every),
        every[-1].found,
    )


def _told(run: Measured) -> str:
    return f"{run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s, {run.peak_mib:.0f} MiB"


@dataclass(frozen=True, slots=True)
class ProcessorTimes:
    """Time of all processors since the machine started, in ticks: all of it, and what its host gave to others."""

    total: int
    stolen: int

    @classmethod
    def now(cls) -> ProcessorTimes:
        """Return the times so far (proc(5), /proc/stat)."""
        line, _, _ = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")
        # Guests' time, behind the first eight, is in that of users already.
        ticks = [int(each) for each in line.split()[1:9]]
        return cls(sum(ticks), ticks[7])

    def steadiness(self) -> str:
        """Return in words how busy this machine and its host were since."""
        now = ProcessorTimes.now()
        stolen = (now.stolen - self.stolen) / max(1, now.total - self.total)
        return f"Load average at the end: {os.getloadavg()[1]:.1f}; taken by the host meanwhile: {stolen:.0%}."


def tell(line: str) -> None:
    """Print progress."""
    print(line, file=sys.stderr, flush=True)
