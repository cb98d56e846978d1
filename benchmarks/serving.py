"""Serving: rows of NDJSON a second out of one process on one core, against the usual way to write such an API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import MIB, Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.api_servers import write_rows

PARTS, FEW = 10, 1
"""Parts of 122,880 rows: 1.2 million and a tenth of that, whose peaks are compared."""
ALL_PAGES, NAIVE_PAGES = 1_000_000, 4
TARGET = 200_000

_OURS, _OURS_GZIP, _FEW = "this project", "this project, gzip", "this project, a tenth of the rows"
_NAIVE, _NAIVE_GZIP = "DuckDB, json.dumps a row, Starlette", "the same, Starlette's gzip"


def measure_serving(parts: int = PARTS, few: int = FEW, naive_pages: int = NAIVE_PAGES, rounds: int = 3) -> Section:
    """Measure rows a second and memory of a pull in pages of 50,000 rows; sizes are in parts of 122,880 rows."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        many, some = Path(folder) / "many", Path(folder) / "few"
        rows = {many: write_rows(str(many), parts), some: write_rows(str(some), few)}
        subjects = {
            _OURS: _pulled("ours", many, ALL_PAGES, gzip=False),
            _OURS_GZIP: _pulled("ours", many, ALL_PAGES, gzip=True),
            _FEW: _pulled("ours", some, ALL_PAGES, gzip=False),
            _NAIVE: _pulled("naive", many, naive_pages, gzip=False),
            _NAIVE_GZIP: _pulled("naive", many, naive_pages, gzip=True),
        }
        runs = alternate(rounds, subjects)
    assert (runs[_OURS].found["rows"], runs[_FEW].found["rows"]) == (rows[many], rows[some])
    return Section("Serving", _note(), _figures(runs))


def _pulled(server: str, folder: Path, pages: int, *, gzip: bool) -> Callable[[], Measured]:
    """Return the subject that pulls; its seconds, CPU and peak are those of the server."""

    def subject() -> Measured:
        pull = "benchmarks.subjects.api_client:pull"
        found = measure(pull, server=server, folder=str(folder), pages=pages, gzip=gzip).found
        return Measured(found["seconds"], found["cpu_seconds"], int(found["peak_bytes"]), found)

    return subject


def _figures(of: dict[str, Measured]) -> tuple[Figure, ...]:
    ours, few, naive = of[_OURS], of[_FEW], of[_NAIVE]
    return (
        _speed("rows/s", ours, _NAIVE, naive),
        Figure(
            "rows per CPU s of the server",
            f"{_per_cpu(ours):,.0f}",
            _NAIVE,
            f"{_per_cpu(naive):,.0f}",
            _per_cpu(ours) / _per_cpu(naive),
            f"{TARGET:,}",
            _per_cpu(ours) >= TARGET,
        ),
        _speed("rows/s with gzip", of[_OURS_GZIP], _NAIVE_GZIP, of[_NAIVE_GZIP], target=False),
        Figure(
            "bytes a row with gzip",
            f"{_bytes(of[_OURS_GZIP]):.0f}",
            _NAIVE_GZIP,
            f"{_bytes(of[_NAIVE_GZIP]):.0f}",
            _bytes(of[_OURS_GZIP]) / _bytes(of[_NAIVE_GZIP]),
        ),
        Figure(
            f"peak memory, {ours.found['rows']:,} rows",
            f"{ours.peak_bytes / MIB:.0f} MiB",
            f"{few.found['rows']:,} rows, this project",
            f"{few.peak_bytes / MIB:.0f} MiB",
            ours.peak_bytes / few.peak_bytes,
            "within 10%",
            ours.peak_bytes <= 1.1 * few.peak_bytes,
        ),
        Figure(
            "peak memory",
            f"{ours.peak_bytes / MIB:.0f} MiB",
            _NAIVE,
            f"{naive.peak_bytes / MIB:.0f} MiB",
            ours.peak_bytes / naive.peak_bytes,
        ),
    )


def _speed(what: str, ours: Measured, name: str, other: Measured, *, target: bool = True) -> Figure:
    mine, theirs = (each.found["rows"] / each.seconds for each in (ours, other))
    wanted, met = (f"{TARGET:,}", mine >= TARGET) if target else ("", None)
    return Figure(what, f"{mine:,.0f}", name, f"{theirs:,.0f}", mine / theirs, wanted, met)


def _per_cpu(run: Measured) -> float:
    return float(run.found["rows"]) / run.cpu_seconds


def _bytes(run: Measured) -> float:
    return float(run.found["bytes"]) / float(run.found["rows"])


def _note() -> str:
    return (
        "Customers of 12 columns (about 280 bytes of JSON), pulled in pages of 50,000 by a client in another process "
        "over a local socket; the server is one process held to one core. The usual way asks DuckDB for each page by "
        "keyset, makes a dict and a line with json.dumps of each row, and answers through the same Starlette and "
        "uvicorn; it is asked for four pages. Its gzip is that of Starlette, at its usual level."
    )
