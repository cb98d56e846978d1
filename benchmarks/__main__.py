"""Measure every section, or those named, and write the results if all were measured."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.answer import measure_answer
from benchmarks.budget import measure_budget
from benchmarks.day import measure_day
from benchmarks.load import measure_load
from benchmarks.measuring import tell
from benchmarks.packages import measure_packages
from benchmarks.planning import measure_planning
from benchmarks.results import Section, as_markdown
from benchmarks.sftp import measure_sftp

RESULTS = Path(__file__).with_name("RESULTS.md")

SECTIONS: dict[str, Callable[[], Section]] = {
    "load": measure_load,
    "answer": measure_answer,
    "planning": measure_planning,
    "budget": measure_budget,
    "day": measure_day,
    "packages": measure_packages,
    "sftp": measure_sftp,
}


def main() -> None:
    """Print the results; write them if no section is left out."""
    names = sys.argv[1:] or list(SECTIONS)
    if unknown := set(names) - SECTIONS.keys():
        sys.exit(f"benchmarks: no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    results = as_markdown([_measured(name) for name in names])
    print(results)
    if names == list(SECTIONS):
        RESULTS.write_text(results, encoding="utf-8")


def _measured(name: str) -> Section:
    tell(f"{name} …")
    began = perf_counter()
    section = SECTIONS[name]()
    tell(f"{name}: {perf_counter() - began:.0f} s")
    return section


if __name__ == "__main__":
    main()
