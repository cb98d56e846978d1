"""Measure every section, or those named, and write each into the page of results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.answer import measure_answer
from benchmarks.budget import measure_budget
from benchmarks.databases import measure_databases
from benchmarks.day import measure_day
from benchmarks.load import measure_load
from benchmarks.measuring import ProcessorTimes, tell
from benchmarks.packages import measure_packages
from benchmarks.planning import measure_planning
from benchmarks.results import Section, as_markdown, record
from benchmarks.serving import measure_serving
from benchmarks.sftp import measure_sftp
from benchmarks.validation import measure_validation
from benchmarks.year import measure_year

RESULTS = Path(__file__).with_name("RESULTS.md")

SECTIONS: dict[str, Callable[[], Section]] = {
    "load": measure_load,
    "answer": measure_answer,
    "planning": measure_planning,
    "budget": measure_budget,
    "day": measure_day,
    "year": measure_year,
    "packages": measure_packages,
    "sftp": measure_sftp,
    "databases": measure_databases,
    "serving": measure_serving,
    "validation": measure_validation,
}


def main() -> None:
    """Print the results, and write each section as soon as it is measured."""
    names = sys.argv[1:] or list(SECTIONS)
    if unknown := set(names) - SECTIONS.keys():
        sys.exit(f"benchmarks: no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    for name in names:
        title, markdown = _measured(name)
        print(markdown)
        record(RESULTS, title, markdown)


def _measured(name: str) -> tuple[str, str]:
    """Return a section's title and its markdown."""
    tell(f"{name} …")
    began, times = perf_counter(), ProcessorTimes.now()
    section = SECTIONS[name]()
    tell(f"{name}: {perf_counter() - began:.0f} s")
    return section.title, as_markdown(section, times.steadiness())


if __name__ == "__main__":
    main()
