"""``run`` from its first question to its summary: which runs there are to be, and carrying them out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
from rich.console import Console

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.assets.selection import stages_of
from optimove_pipeline.call_tail import CallTail
from optimove_pipeline.commands.account import Account, Expected
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline.commands.held import Held, read_held
from optimove_pipeline.commands.missing import days_by_report, days_of, narrowed
from optimove_pipeline.commands.pace import pace_of
from optimove_pipeline.commands.plan import evidence_of
from optimove_pipeline.commands.progress import Progress, told_by_progress
from optimove_pipeline.commands.run import Summary, execute, last_data_update
from optimove_pipeline.commands.stopping import Stop, stoppable
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import BusyError
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.reports.estimates import estimate
from optimove_pipeline.reports.evidence import Wanted
from optimove_pipeline.runs import Planned, plan_runs
from optimove_pipeline.staging import Staging

GUESS_SECONDS = 2.0
"""How long a run waits for the warehouse at its start, only to tell better how long it will take."""

logger = logging.getLogger(__name__)


def pull(
    settings: Settings, first: date, last: date, call_class: CallClass, console: Console, *, missing: bool
) -> Summary:
    """Pull the selected reports for a range of days, telling how it goes; ``missing`` leaves out what is published.

    Raises:
        PipelineError: nothing can be pulled; the message says why.
        KeyboardInterrupt: the process was asked to end (SIGINT, SIGTERM); the run under way has ended in order.
    """
    with stoppable(lambda line: _print(console, line)) as stop:
        updated = last_data_update(settings)
        possible = [*plan_runs(settings.reports.selected(), first, last, updated, settings.reports.chunk)]
        with open_instance(prepare_dagster_home(settings.data_dir)) as instance:
            held = _held(settings, days_by_report(possible), instance, needed=missing)
            staging = Staging(settings.data_dir / "staging")
            planned = narrowed(possible, held.published, staging) if missing else possible
            for line in _told(settings, possible, planned, last, updated):
                _print(console, line)
            account = Account(_expected(settings, planned, held, staging), time.monotonic)
            with told_by_progress(), _progress(settings, account, call_class, console, stop) as progress:
                return execute(
                    settings, build_definitions(settings, datasets=False), instance, planned, call_class, progress
                )


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _progress(settings: Settings, account: Account, call_class: CallClass, console: Console, stop: Stop) -> Progress:
    calls = CallTail(settings.data_dir / "calls")
    return Progress(account, console, calls, lambda: pace_of(settings, call_class), stop)


def _held(settings: Settings, wanted: Wanted, instance: dg.DagsterInstance, *, needed: bool) -> Held:
    """Return what is held. If the warehouse is busy and it is not ``needed``, nothing: the time left is guessed."""
    if needed:
        return read_held(settings, wanted, instance)
    try:
        return read_held(settings, wanted, instance, patience=GUESS_SECONDS)
    except BusyError as error:
        logger.debug("How many calls there will be is guessed without history: %s", error)
        return Held()


def _expected(settings: Settings, planned: Sequence[Planned], held: Held, staging: Staging) -> list[Expected]:
    """Return the runs with the calls that are likely, as far as what is held tells."""
    evidence = evidence_of(settings, days_by_report(planned), held, staging)

    def calls(run: Planned) -> dict[str, int]:
        return {report.name: estimate(report, days_of(run), evidence, settings).calls for report in run.reports}

    def steps(run: Planned) -> int:
        return sum(len(stages_of(settings, report.name)) for report in run.reports)

    return [Expected(run, calls(run), steps(run)) for run in planned]


def _told(
    settings: Settings, possible: Sequence[Planned], planned: Sequence[Planned], last: date, updated: date
) -> Iterator[str]:
    """Yield what is to be pulled and what is left out, a line each."""
    reports = {report.name for each in planned for report in each.reports}
    if planned:
        first, until = min(each.first for each in planned), max(each.last for each in planned)
        yield (
            f"Pulling {_counted(len(reports), 'report')} for {first} to {until}, in {_counted(len(planned), 'run')}."
        )
    else:
        yield "Nothing to do: every day is published."
    if last > updated:
        yield f"The tenant's data reach only to {updated}: later days are left out."
    had = {report.name for each in possible for report in each.reports}
    if left_out := [report.name for report in settings.reports.selected() if report.name not in had]:
        yield f"Left out, since they can only be had of {updated}: {', '.join(left_out)}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
