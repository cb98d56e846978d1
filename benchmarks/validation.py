"""Validation: 5 million customers by nine rules, against dataframely and expressions of Polars written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import MIB, Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.validators import write_partition

PARTS = 41
"""Parts of 122,880 rows: 5 million."""
LESS = 10
MOST_BYTES = 1024 * MIB

_OURS, _LESS = "this project", "this project, fewer rows"
_DATAFRAMELY, _BY_HAND = "dataframely", "Polars by hand"


def measure_validation(parts: int = PARTS, rounds: int = 3) -> Section:
    """Measure rows a second and memory of validating one partition."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        day, less = Path(folder) / "day", Path(folder) / "less"
        rows, fewer = write_partition(str(day), parts), write_partition(str(less), max(parts // LESS, 1))
        runs = alternate(
            rounds,
            {
                _OURS: _validated("ours", day),
                _DATAFRAMELY: _validated("by_dataframely", day),
                _BY_HAND: _validated("by_polars", day),
                _LESS: _validated("ours", less),
            },
        )
    assert runs[_OURS].found == runs[_DATAFRAMELY].found == runs[_BY_HAND].found, "they find other rows broken"
    return Section("Validation", _note(), _figures(runs, rows, fewer))


def _validated(function: str, day: Path) -> Callable[[], Measured]:
    """Return the subject that validates into an empty folder; rows kept and rows broken are ``found``."""

    def subject() -> Measured:
        with TemporaryDirectory(dir=day.parent) as into:
            return measure(f"benchmarks.subjects.validators:{function}", staging=str(day), into=into)

    return subject


def _figures(of: dict[str, Measured], rows: int, fewer: int) -> tuple[Figure, ...]:
    ours, less = of[_OURS], of[_LESS]
    kept, broken = ours.found
    return (
        *(_speed(ours, name, of[name], rows) for name in (_DATAFRAMELY, _BY_HAND)),
        Figure(
            f"peak memory, {rows:,} rows",
            f"{ours.peak_mib:.0f} MiB",
            _DATAFRAMELY,
            f"{of[_DATAFRAMELY].peak_mib:.0f} MiB",
            ours.peak_bytes / of[_DATAFRAMELY].peak_bytes,
            "at most 1 GiB",
            ours.peak_bytes <= MOST_BYTES,
        ),
        Figure(
            "the same",
            f"{ours.peak_mib:.0f} MiB",
            _BY_HAND,
            f"{of[_BY_HAND].peak_mib:.0f} MiB",
            ours.peak_bytes / of[_BY_HAND].peak_bytes,
        ),
        Figure(
            "the same",
            f"{ours.peak_mib:.0f} MiB",
            f"{fewer:,} rows, this project",
            f"{less.peak_mib:.0f} MiB",
            ours.peak_bytes / less.peak_bytes,
        ),
        Figure("rows kept and rows in quarantine, in all three", f"{kept:,} and {broken:,}"),
    )


def _speed(ours: Measured, name: str, other: Measured, rows: int) -> Figure:
    shown = [f"{rows / each.seconds:,.0f} rows/s; {rows / each.cpu_seconds:,.0f} per CPU s" for each in (ours, other)]
    return Figure("rows/s", shown[0], name, shown[1], other.cpu_seconds / ours.cpu_seconds)


def _note() -> str:
    return (
        "5 million customers of 12 columns in Parquet, 0.8% of them broken, by nine rules: two columns required, "
        "e-mail of form and length, two lists of values, a least amount, no moment in the future, ids unique. All "
        "write good rows and broken rows with their rules to Parquet. This project also looks at every text for "
        "blanks, placeholders and ISO dates, at every date for sentinels, and keeps each broken row as JSON. Ratios "
        "of rows/s are those per CPU second, and ratios of memory are this project's over the other's."
    )
