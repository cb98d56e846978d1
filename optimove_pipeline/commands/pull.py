"""``run`` from its first question to its summary: which runs there are to be, and carrying them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
from rich.console import Console

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline.commands.held import read_held
from optimove_pipeline.commands.missing import days_by_report, narrowed
from optimove_pipeline.commands.progress import Progress
from optimove_pipeline.commands.run import Summary, execute, last_data_update
from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.runs import Planned, plan_runs
from optimove_pipeline.staging import Staging


def pull(
    settings: Settings, first: date, last: date, call_class: CallClass, console: Console, *, missing: bool
) -> Summary:
    """Pull the selected reports for a range of days, telling how it goes; ``missing`` leaves out what is published.

    Raises:
        PipelineError: nothing can be pulled; the message says why.
        KeyboardInterrupt: the process was asked to end (SIGINT, SIGTERM); the run under way has ended in order.
    """
    updated = last_data_update(settings)
    possible = [*plan_runs(settings.reports.selected(), first, last, updated, settings.reports.chunk)]
    with open_instance(prepare_dagster_home(settings.data_dir)) as instance:
        planned = _missing(settings, possible, instance) if missing else possible
        for line in _told(settings, possible, planned, last, updated):
            console.print(line, highlight=False, soft_wrap=True)
        progress = Progress(planned, console)
        return execute(build_definitions(settings), instance, planned, call_class, progress.tell)


def _missing(settings: Settings, planned: list[Planned], instance: dg.DagsterInstance) -> list[Planned]:
    held = read_held(settings, days_by_report(planned), instance)
    return narrowed(planned, held.published, Staging(settings.data_dir / "staging"))


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
