"""One large answer: parsed in flat memory, against Polars that reads it whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Measured, alternate, measure
from benchmarks.pages import write_answer
from benchmarks.results import Figure, Section

SIZE = 300_000_000
MOST_MIB = 256

_OURS, _WHOLE = "read_frames", "polars.read_json"


def measure_answer() -> Section:
    """Measure rows a second and memory of parsing one answer."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        file = Path(folder) / "answer"
        rows = write_answer(file, SIZE)
        runs = alternate(
            3,
            {
                _OURS: _parsed("benchmarks.subjects.pipeline:parse", file, rows),
                _WHOLE: _parsed("benchmarks.subjects.polars_whole:parse", file, rows),
            },
        )
    note = f"{SIZE / 1e6:.0f} MB of JSON, one array of {rows:,} rows, not compressed."
    return Section("One answer of 300 MB", note, _figures(runs[_OURS], runs[_WHOLE], rows))


def _parsed(function: str, file: Path, rows: int) -> Callable[[], Measured]:
    def subject() -> Measured:
        measured = measure(function, answer=str(file))
        assert measured.found == rows, measured.found
        return measured

    return subject


def _figures(ours: Measured, whole: Measured, rows: int) -> tuple[Figure, ...]:
    return (
        Figure(
            "peak memory",
            f"{ours.peak_mib:.0f} MiB",
            _WHOLE,
            f"{whole.peak_mib:,.0f} MiB",
            ours.peak_bytes / whole.peak_bytes,
            f"at most {MOST_MIB} MiB",
            ours.peak_mib <= MOST_MIB,
        ),
        Figure(
            "rows/s",
            f"{rows / ours.seconds:,.0f} rows/s; {rows / ours.cpu_seconds:,.0f} per CPU s",
            _WHOLE,
            f"{rows / whole.seconds:,.0f} rows/s; {rows / whole.cpu_seconds:,.0f} per CPU s",
            whole.seconds / ours.seconds,
        ),
    )
