"""Planning: the calls of a day, counted by the sandbox, against asking every combination."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import measure, tell
from benchmarks.results import Figure, Section
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

DAY, TODAY = date(2026, 11, 20), date(2026, 11, 21)
_PAIRS = "customers/GetCustomersByAction"


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that reached the server: of all reports, and of Customers by Action alone; and the rows they gave."""

    all: int
    by_pair: int
    rows: dict[str, int]


def measure_planning() -> Section:
    """Count the calls of a day, planned and not, with both ways to end paging."""
    with running_sandbox(preset="small", today=TODAY, windows=()) as sandbox:
        every = _calls(sandbox, "exhaustive", "empty_page")
        planned = _calls(sandbox, "executed", "empty_page")
        short = _calls(sandbox, "executed", "proven_short_page")
    assert planned.rows == every.rows == short.rows, "the ways to ask give different rows"
    note = (
        f"All 27 reports of one day of the sandbox's tenant `small` ({sum(every.rows.values()):,} rows, the same "
        "each way), calls as the server counted them: look-ups, pages, everything. The baseline asks every "
        "combination, as Rivery does (all actions × recipient groups 0–9), and pages until a page is empty."
    )
    return Section("Calls of a day", note, _figures(every, planned, short))


def _calls(sandbox: RunningSandbox, planning: str, stop_at: str) -> Calls:
    sandbox.reset()
    with TemporaryDirectory(prefix="benchmark-") as into:
        run = measure(
            "benchmarks.subjects.day_of_calls:extract",
            url=sandbox.url,
            day=DAY.isoformat(),
            into=into,
            planning=planning,
            stop_at=stop_at,
        )
    stats: dict[str, Any] = sandbox.stats()
    tell(f"  {planning}, {stop_at}: {stats['total']} calls, {run.seconds:.1f} s")
    return Calls(stats["total"], stats["by_function"][_PAIRS], run.found)


def _figures(every: Calls, planned: Calls, short: Calls) -> tuple[Figure, ...]:
    baseline = "every combination, until an empty page"
    return (
        _figure("calls of all reports, planned", planned.all, baseline, every.all),
        _figure("… and paging ends at a proven short page", short.all, baseline, every.all),
        _figure("calls of Customers by Action, planned", planned.by_pair, baseline, every.by_pair),
        _figure("… and paging ends at a proven short page", short.by_pair, baseline, every.by_pair),
    )


def _figure(what: str, ours: int, baseline: str, theirs: int) -> Figure:
    return Figure(what, f"{ours:,}", baseline, f"{theirs:,}", ours / theirs)
