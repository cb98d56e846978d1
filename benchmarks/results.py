"""The table of results: figures beside their baselines, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("optimove-pipeline", "dagster", "dataframely", "dlt", "duckdb", "httpx", "polars", "pyarrow")
_INTRODUCTION = (
    "Written by `python -m benchmarks`; what is measured and how is told in `benchmarks/__init__.py`. The ratio is "
    "this project's value over the baseline's, both from the same run."
)
_HEADER = ("figure", "this project", "baseline", "baseline's", "ratio", "target", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was measured, here and of the named baseline, their ratio, and the target if there is one."""

    what: str
    value: str
    baseline: str = ""
    baseline_value: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the line, as ``_HEADER`` names them."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}×"
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        return (self.what, self.value, self.baseline, self.baseline_value, ratio, self.target, met)


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one part of the suite, with a note on how they were measured."""

    title: str
    note: str
    figures: tuple[Figure, ...]


def as_markdown(section: Section, steadiness: str) -> str:
    """Return a section of the page of results; ``steadiness`` tells how undisturbed the machine was meanwhile."""
    machine = f"On {_machine()} {steadiness}"
    return "\n\n".join([f"## {section.title}", section.note, machine, _table(section.figures)]) + "\n"


def record(page: Path, title: str, markdown: str) -> None:
    """Put a section in its place on the page, or at the end of it; the others stay as they were measured."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Benchmarks\n\n{_INTRODUCTION}\n"
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    place = next((at for at, part in enumerate(parts) if part.startswith(f"## {title}\n")), len(parts))
    parts[place : place + 1] = [markdown]
    page.write_text("\n".join(f"{part.strip()}\n" for part in parts), encoding="utf-8")


def _table(figures: Sequence[Figure]) -> str:
    lines = [_HEADER, ("---",) * len(_HEADER), *(figure.cells for figure in figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}; {versions}."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else platform.machine()
