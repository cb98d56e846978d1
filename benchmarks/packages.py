"""Packaging: a validated day to compressed CSV in parts, against Python's gzip, Polars and DuckDB."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import MIB, Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.packagers import write_day

PARTS = 41
"""Parts of 122,880 rows: 5 million."""
LESS = 10

_OURS, _LESS = "this project", "this project, fewer rows"
_GZIP, _SINK, _COPY = "Python's gzip, level 6", "polars.sink_csv", "DuckDB COPY"


def measure_packages(parts: int = PARTS, rounds: int = 3) -> Section:
    """Measure rows a second, bytes and memory of packaging one day."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        day, less = Path(folder) / "day", Path(folder) / "less"
        rows, fewer = write_day(str(day), parts), write_day(str(less), max(parts // LESS, 1))
        runs = alternate(
            rounds,
            {
                _OURS: _packaged("ours", day, rows),
                _GZIP: _packaged("by_gzip", day, rows),
                _SINK: _packaged("by_sink", day, rows),
                _COPY: _packaged("by_duckdb", day, rows),
                _LESS: _packaged("ours", less, fewer),
            },
        )
    return Section("Packages", _note(), _figures(runs, rows, fewer))


def _packaged(function: str, day: Path, rows: int) -> Callable[[], Measured]:
    """Return the subject that packages into an empty folder; its files must hold all rows. They are ``found``."""

    def subject() -> Measured:
        with TemporaryDirectory(dir=day.parent) as into:
            measured = measure(f"benchmarks.subjects.packagers:{function}", staging=str(day), into=into)
            files = [*Path(into).rglob("*.gz")]
            assert sum(_lines(file) - 1 for file in files) == rows
            sizes = [file.stat().st_size for file in files]
        return Measured(measured.seconds, measured.cpu_seconds, measured.peak_bytes, sizes)

    return subject


def _lines(file: Path) -> int:
    with gzip.open(file, "rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(MIB), b""))


def _figures(of: dict[str, Measured], rows: int, fewer: int) -> tuple[Figure, ...]:
    ours, less = of[_OURS], of[_LESS]
    largest = max(ours.found)
    return (
        *(_speed(ours, other, of[other], rows, 10.0 if other == _GZIP else None) for other in (_GZIP, _SINK, _COPY)),
        *(_memory(ours, other, of[other]) for other in (_GZIP, _SINK, _COPY)),
        Figure(
            f"peak memory, {rows:,} rows",
            f"{ours.peak_mib:.0f} MiB",
            f"{fewer:,} rows, this project",
            f"{less.peak_mib:.0f} MiB",
            ours.peak_bytes / less.peak_bytes,
            "within 10%",
            ours.peak_bytes <= 1.1 * less.peak_bytes,
        ),
        Figure(
            "bytes of all parts",
            f"{sum(ours.found):,}",
            _GZIP,
            f"{sum(of[_GZIP].found):,}",
            sum(ours.found) / sum(of[_GZIP].found),
        ),
        Figure(
            f"largest of {len(ours.found)} parts", f"{largest:,} bytes", target="at most 95 MB", met=largest <= 95e6
        ),
    )


def _speed(ours: Measured, name: str, other: Measured, rows: int, target: float | None) -> Figure:
    ratio = other.seconds / ours.seconds
    shown = [f"{rows / each.seconds:,.0f} rows/s; {rows / each.cpu_seconds:,.0f} per CPU s" for each in (ours, other)]
    wanted = f"{target:.0f}×" if target else ""
    return Figure("rows/s", shown[0], name, shown[1], ratio, wanted, ratio >= target if target else None)


def _memory(ours: Measured, name: str, other: Measured) -> Figure:
    ratio = ours.peak_bytes / other.peak_bytes
    return Figure("peak memory", f"{ours.peak_mib:.0f} MiB", name, f"{other.peak_mib:.0f} MiB", ratio)


def _note() -> str:
    return (
        "A validated day of 12 columns (text with accents, commas and nulls, dates, times, flags, numbers) in "
        "Parquet → CSV, gzip. This project cleans up and formats the values, cuts parts of at most 95 MB and hashes "
        "them; the others write one file, values as they come. Files are read back and counted outside the measure."
    )
