"""What a plan has to ask the API: how far the data reach, and the look-ups that the runs would make."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from optimove_pipeline.commands.missing import days_by_report
from optimove_pipeline.commands.run import last_closed_day
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import ForbiddenError, OutageError, PipelineError, TransientError
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.evidence import Wanted
from optimove_pipeline.reports.known import STAGE
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.planning import needs_lookup, read_upstream
from optimove_pipeline.reports.report import Over
from optimove_pipeline.runs import Planned
from optimove_pipeline.session import ask_briefly, lookups_of
from optimove_pipeline.staging import Staging

PATIENCE_SECONDS = 60.0
"""How long a person who asks for a plan waits for the API, the budget included."""

Runs = Callable[[date], list[Planned]]
"""Which runs there are to be, if the tenant's data reach to a day."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out: how far the data reach, the runs that follow from it, and what is still unknown and why."""

    updated: date
    runs: list[Planned]
    unknown: tuple[str, ...]
    lookups_failed: int


def find_out(settings: Settings, runs: Runs, *, offline: bool) -> Found:
    """Ask, or ``offline`` see what is held. Look-ups are kept, so that the runs don't make them again.

    Raises:
        ApiError: the address or the credentials are wrong, or the API does not answer.
    """
    if offline:
        return asyncio.run(_found(settings, None, runs))
    try:
        return ask_briefly(
            settings, "plan", lambda client: _found(settings, client, runs), patience_seconds=PATIENCE_SECONDS
        )
    except (OutageError, TransientError) as error:
        raise type(error)(f"{error}. With --offline the plan is made of what is held, without a call") from error


async def _found(settings: Settings, client: Optimove | None, runs: Runs) -> Found:
    updated, unknown = await _updated(settings, client)
    decided = runs(updated)
    failed = await _look_up(_questions(settings, lookups_of(settings, client), days_by_report(decided)))
    return Found(updated, decided, (*unknown, *failed), len(failed))


async def _updated(settings: Settings, client: Optimove | None) -> tuple[date, list[str]]:
    """Return the day of the last data update, or if that is not to be had the last closed day, and why."""
    closed = last_closed_day(settings)
    if client is None:
        return closed, [f"how far the tenant's data reach: taken to be {closed}, since no call is to be made"]
    try:
        return await client.last_data_update(), []
    except ForbiddenError as error:
        return closed, [f"how far the tenant's data reach: taken to be {closed} ({error})"]


async def _look_up(questions: dict[str, Callable[[], Awaitable[object]]]) -> list[str]:
    """Ask each question; return those without an answer, a line each."""
    failed = []
    for what, question in questions.items():
        try:
            await question()
        except PipelineError as error:
            failed.append(f"{what}: {error}")
    return failed


def _questions(settings: Settings, lookups: Lookups, wanted: Wanted) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the look-ups that runs make for the wanted reports, by what they tell."""
    needed = {report.over for report in wanted if needs_lookup(report, settings.reports.filters)}
    questions: dict[str, Callable[[], Awaitable[object]]] = {}
    if Over.LIFECYCLE_STAGE in needed:
        questions["lifecycle stages"] = lookups.lifecycle_stages
    if Over.ACTIVITY_EVENT in needed:
        questions["activity events"] = lookups.activity_events
    for name in _snapshots_looked_up(settings, wanted):
        function = settings.reports.of(BY_NAME[name]).function or BY_NAME[name].function
        questions[name] = partial(lookups.snapshot, BY_NAME[name], function)
    if wanted:
        questions["customer attributes"] = partial(_check_attributes, settings, lookups, wanted)
    return questions


def _snapshots_looked_up(settings: Settings, wanted: Wanted) -> list[str]:
    """Return the snapshots that a plan reads, but no run extracts and staging does not hold."""
    staging = Staging(settings.data_dir / "staging")
    read = {name for report in wanted for name in read_upstream(report, settings.reports) if BY_NAME[name].snapshot}
    extracted = {report.name for report in wanted}
    return sorted(name for name in read - extracted if staging.newest(STAGE, name) is None)


async def _check_attributes(settings: Settings, lookups: Lookups, wanted: Wanted) -> None:
    for report in wanted:
        await lookups.check_attributes(report, settings.reports)
