"""Pages to table: landed answers through landing, assembly, validation and publication, against dlt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Measured, alternate, measure, tell
from benchmarks.pages import ROWS_PER_PAGE, write_pages
from benchmarks.results import Figure, Section

PAGES, PAGES_PER_CALL = 100, 10
FEW_PAGES = 10
MORE = 10
MOST_MIB = 512

_OURS = "benchmarks.subjects.pipeline:load"
_DICTS, _ARROW = "benchmarks.subjects.dlt_paths:by_dicts", "benchmarks.subjects.dlt_paths:by_arrow"


def measure_load() -> Section:
    """Measure rows a second, CPU and memory, few pages against the slow paths and all against the fast one."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        answers = Path(folder) / "answers"
        answers.mkdir()
        write_pages(answers, PAGES)
        run = partial(_run, Path(folder), answers)
        few = alternate(3, {"this project, few pages": run(_OURS, FEW_PAGES, calls=1, pages=FEW_PAGES)} | _slow(run))
        arrow = {"dlt, Arrow tables": run(_ARROW, PAGES, pages=PAGES)}
        many = alternate(3, {"this project": _ours(run, PAGES)} | arrow)
        tell(f"  {MORE} times the rows")
        more = alternate(1, {"this project, more": _ours(run, MORE * PAGES)})
    return Section("Pages to table", _note(), _figures(few | many | more))


def _ours(run: Callable[..., Callable[[], Measured]], pages: int) -> Callable[[], Measured]:
    return run(_OURS, pages, calls=pages // PAGES_PER_CALL, pages=PAGES_PER_CALL)


def _slow(run: Callable[..., Callable[[], Measured]]) -> dict[str, Callable[[], Measured]]:
    return {
        "dlt, dicts": run(_DICTS, FEW_PAGES, pages=FEW_PAGES),
        "dlt, dicts by Parquet": run(_DICTS, FEW_PAGES, pages=FEW_PAGES, file_format="parquet"),
    }


def _run(
    root: Path, answers: Path, function: str, expected_pages: int, **arguments: object
) -> Callable[[], Measured]:
    """Return the subject that loads into an empty folder and must find all rows in the table."""

    def subject() -> Measured:
        with TemporaryDirectory(dir=root) as into:
            measured = measure(function, answers=str(answers), into=into, **arguments)
        assert measured.found == expected_pages * ROWS_PER_PAGE, measured.found
        return measured

    return subject


def _figures(of: dict[str, Measured]) -> tuple[Figure, ...]:
    ours, few, more = of["this project"], of["this project, few pages"], of["this project, more"]
    rate = _rate(ours, PAGES)
    return (
        Figure(
            f"rows/s, {_rows(PAGES)} rows",
            _shown(ours, PAGES),
            "dlt, Arrow tables",
            _shown(of["dlt, Arrow tables"], PAGES),
            of["dlt, Arrow tables"].seconds / ours.seconds,
            "150,000 rows/s",
            rate >= 150_000,
        ),
        _against(few, "dlt, dicts (its default)", of["dlt, dicts"], target=10.0),
        _against(few, "dlt, dicts by Parquet", of["dlt, dicts by Parquet"]),
        _memory(
            f"peak memory, {_rows(PAGES)} rows",
            ours,
            "dlt, Arrow tables",
            of["dlt, Arrow tables"],
            f"under {MOST_MIB} MiB",
            met=ours.peak_mib < MOST_MIB,
        ),
        _memory(
            f"peak memory, {_rows(MORE * PAGES)} rows",
            more,
            f"{_rows(PAGES)} rows, this project",
            ours,
            f"under {MOST_MIB} MiB and within 10% of it",
            met=more.peak_mib < MOST_MIB and more.peak_bytes <= 1.1 * ours.peak_bytes,
        ),
        Figure(f"rows/s, {_rows(MORE * PAGES)} rows", _shown(more, MORE * PAGES)),
    )


def _against(few: Measured, baseline: str, slow: Measured, target: float | None = None) -> Figure:
    ratio = slow.seconds / few.seconds
    return Figure(
        f"rows/s, {_rows(FEW_PAGES)} rows",
        _shown(few, FEW_PAGES),
        baseline,
        _shown(slow, FEW_PAGES),
        ratio,
        f"{target:.0f}×" if target else "",
        ratio >= target if target else None,
    )


def _memory(what: str, ours: Measured, baseline: str, other: Measured, target: str, *, met: bool) -> Figure:
    ratio = ours.peak_bytes / other.peak_bytes
    return Figure(what, f"{ours.peak_mib:.0f} MiB", baseline, f"{other.peak_mib:.0f} MiB", ratio, target, met)


def _rows(pages: int) -> str:
    return f"{pages * ROWS_PER_PAGE:,}"


def _rate(measured: Measured, pages: int) -> float:
    return pages * ROWS_PER_PAGE / measured.seconds


def _shown(measured: Measured, pages: int) -> str:
    per_cpu = pages * ROWS_PER_PAGE / measured.cpu_seconds
    return f"{_rate(measured, pages):,.0f} rows/s; {per_cpu:,.0f} per CPU s"


def _note() -> str:
    return (
        f"Answers of {ROWS_PER_PAGE:,} rows and 12 fields, gzip as the client lands them → `optimove.<report>` in an "
        "empty DuckDB file: landing, assembly, validation and publication of one day; waiting for the API excluded. "
        "dlt gets the same files: as lists of dicts (its default loader, and by Parquet), and as Arrow tables that "
        "Polars parsed with the types known. dlt neither validates nor keeps what arrived."
    )
