"""Packaging: a validated day to compressed CSV in parts, against Python's gzip, Polars and DuckDB."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import MIB, Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.packagers import write_day

PARTS = 41
"""Parts of 122,880 rows: 5 million."""
FEW, SOME, MANY = 4, 16, 82
"""Parts of the day that is written row by row, and of those whose peaks are compared: 0.5, 2 and 10 million rows."""

_OURS, _SOME, _MANY = "this project", "this project, 2 million rows", "this project, 10 million rows"
_ROWS, _GZIP = "csv.writer into Python's gzip, level 6", "Polars' CSV into Python's gzip, level 6"
_SINK, _COPY = "polars.sink_csv", "DuckDB COPY"
_WHOLE = (_GZIP, _SINK, _COPY)


@dataclass(frozen=True, slots=True)
class _Day:
    """A validated day: where it lies, and how many rows it has."""

    folder: Path
    rows: int


def measure_packages(
    parts: int = PARTS, few: int = FEW, some: int = SOME, many: int = MANY, rounds: int = 3
) -> Section:
    """Measure rows a second, bytes and memory of packaging one day; each size is in parts of 122,880 rows."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        days = {size: _written(Path(folder) / str(size), size) for size in {parts, few, some, many}}
        of = {
            _OURS: ("ours", days[parts]),
            _ROWS: ("by_rows", days[few]),
            _GZIP: ("by_gzip", days[parts]),
            _SINK: ("by_sink", days[parts]),
            _COPY: ("by_duckdb", days[parts]),
            _SOME: ("ours", days[some]),
            _MANY: ("ours", days[many]),
        }
        runs = alternate(rounds, {name: _packaged(function, day) for name, (function, day) in of.items()})
    return Section("Packages", _note(), _figures(runs, {name: day.rows for name, (_, day) in of.items()}))


def _written(folder: Path, parts: int) -> _Day:
    return _Day(folder, write_day(str(folder), parts))


def _packaged(function: str, day: _Day) -> Callable[[], Measured]:
    """Return the subject that packages into an empty folder; its files must hold all rows. They are ``found``."""

    def subject() -> Measured:
        with TemporaryDirectory(dir=day.folder.parent) as into:
            measured = measure(f"benchmarks.subjects.packagers:{function}", staging=str(day.folder), into=into)
            files = [*Path(into).rglob("*.gz")]
            assert sum(_lines(file) - 1 for file in files) == day.rows
            sizes = [file.stat().st_size for file in files]
        return Measured(measured.seconds, measured.cpu_seconds, measured.peak_bytes, sizes)

    return subject


def _lines(file: Path) -> int:
    with gzip.open(file, "rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(MIB), b""))


def _figures(of: dict[str, Measured], rows: dict[str, int]) -> tuple[Figure, ...]:
    ours, some, many = of[_OURS], of[_SOME], of[_MANY]
    largest = max(ours.found)
    return (
        *(_speed(of, rows, other, 10.0 if other in {_ROWS, _GZIP} else None) for other in (_ROWS, *_WHOLE)),
        *(_memory(ours, other, of[other]) for other in _WHOLE),
        Figure(
            f"peak memory, {rows[_MANY]:,} rows",
            f"{many.peak_mib:.0f} MiB",
            f"{rows[_SOME]:,} rows, this project",
            f"{some.peak_mib:.0f} MiB",
            many.peak_bytes / some.peak_bytes,
            "within 10%",
            many.peak_bytes <= 1.1 * some.peak_bytes,
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


def _speed(of: dict[str, Measured], rows: dict[str, int], other: str, target: float | None) -> Figure:
    ours, theirs = (rows[name] / of[name].seconds for name in (_OURS, other))
    shown = [
        f"{rows[name] / of[name].seconds:,.0f} rows/s; {rows[name] / of[name].cpu_seconds:,.0f} per CPU s"
        for name in (_OURS, other)
    ]
    ratio = ours / theirs
    wanted = f"{target:.0f}×" if target else ""
    return Figure("rows/s", shown[0], other, shown[1], ratio, wanted, ratio >= target if target else None)


def _memory(ours: Measured, name: str, other: Measured) -> Figure:
    ratio = ours.peak_bytes / other.peak_bytes
    return Figure("peak memory", f"{ours.peak_mib:.0f} MiB", name, f"{other.peak_mib:.0f} MiB", ratio)


def _note() -> str:
    return (
        "A validated day of 12 columns (text with accents, commas and nulls, dates, times, flags, numbers) in "
        "Parquet → CSV, gzip. This project cleans up and formats the values, cuts parts of at most 95 MB and hashes "
        "them; the others write one file, values as they come. csv.writer, which scripts made at home use, takes its "
        "rows from Polars, those of a tenth of the day. Files are read back and counted outside the measure."
    )
