"""Extraction: the calls of a report, over all days of a run together, into one partition a day."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PartitionError, PipelineError
from optimove_pipeline.optimove.answers import read_frames
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.reports.assembly import Extracted, assemble
from optimove_pipeline.reports.known import known
from optimove_pipeline.reports.landing import Landing, Page
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.paging import PagingRule, land
from optimove_pipeline.reports.planning import plan, row_filter
from optimove_pipeline.reports.report import Report
from optimove_pipeline.reports.snapshots import only_day
from optimove_pipeline.reports.turns import turn
from optimove_pipeline.settings.reports import Filters
from optimove_pipeline.staging import Staging

LONGEST_WAIT_SECONDS = 12 * 3600.0
"""How long a run waits for another one that extracts the same report and day."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """The days of a run: those extracted, and those that were not with the error of each."""

    extracted: dict[date, Extracted] = field(default_factory=dict)
    failed: dict[date, PipelineError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything that extracting takes, the same for all reports of a run.

    ``resumable`` tells of another run's id whether that run ended early, so that its landed answers are used.
    """

    settings: Settings
    client: Optimove
    staging: Staging
    landing: Landing
    lookups: Lookups
    rule: PagingRule
    run_id: str
    resumable: Callable[[str], bool]

    def narrowed(self, filters: Filters) -> Extraction:
        """Return the same with these filters in place of the settings'."""
        reports = self.settings.reports.model_copy(update={"filters": filters})
        return replace(self, settings=self.settings.model_copy(update={"reports": reports}))

    async def run(
        self, report: Report, days: Sequence[date], done: Callable[[Extracted], None] = lambda _: None
    ) -> Outcome:
        """Extract a report for all days at once; ``done`` is called as each day's partition is complete.

        A day that fails does not stop the others.

        Raises:
            SettingsError: the settings ask for an attribute that the tenant doesn't have.
        """
        await self.lookups.check_attributes(report, self.settings.reports)
        outcome = Outcome()
        slots = asyncio.Semaphore(self.settings.api.concurrency)

        async def one(day: date) -> None:
            try:
                outcome.extracted[day] = await self._day(report, day, slots)
            except PipelineError as error:
                logger.warning("%s of %s was not extracted: %s", report.name, day, error)
                outcome.failed[day] = error
            else:
                done(outcome.extracted[day])

        async with asyncio.TaskGroup() as group:
            for day in sorted(days):
                group.create_task(one(day))
        return outcome

    async def plan(self, report: Report, day: date) -> list[Call]:
        """Return the calls of a report for a day, looking up what no report holds.

        Raises:
            PartitionError: a snapshot can't be had of this day, or an upstream report of the day is not there.
        """
        if report.snapshot:
            await self._check_snapshot(report, day)
        settings = self.settings.reports
        return plan(report, day, settings, await known(report, day, settings, self.staging, self.lookups))

    async def _day(self, report: Report, day: date, slots: asyncio.Semaphore) -> Extracted:
        asked = time.time()
        async with turn(
            self.landing.lock(report.name, day), f"extracting {report.name} of {day}", LONGEST_WAIT_SECONDS
        ):
            calls = await self.plan(report, day)
            await asyncio.to_thread(self._claim, report, day, asked)
            pages = await self._land_all(report, calls, slots)
            return await asyncio.to_thread(self._assemble, report, day, pages)

    def _claim(self, report: Report, day: date, asked: float) -> None:
        hours = self.settings.retention.resume_hours
        if self.landing.claim(report.name, day, self.run_id, self.resumable, hours, asked=asked):
            logger.info("%s of %s goes on with the answers landed before", report.name, day)

    def _assemble(self, report: Report, day: date, pages: list[list[Page]]) -> Extracted:
        wanted = row_filter(report, self.settings.reports.filters)
        extracted = assemble(self.staging, report, day, pages, wanted)
        self.landing.complete(report.name, day, self.run_id)
        return extracted

    async def _check_snapshot(self, report: Report, day: date) -> None:
        updated = await self.client.last_data_update()
        if day < updated:
            raise PartitionError(f"{only_day(report, updated)}: {day} can't be fetched any more")
        if day > updated:
            raise PartitionError(f"{report.title} of {day}: the tenant's data reach only to {updated}; run it later")

    async def _land_all(self, report: Report, calls: list[Call], slots: asyncio.Semaphore) -> list[list[Page]]:
        """Land every call; after a failure no further call is begun, but those on their way are landed."""
        attributes = self.settings.reports.of(report).attributes or ()
        # A stamped value that the rows do echo comes as an unknown field of that name, and wins over the stamp.
        columns = [column for column in report.columns if not column.stamped]
        known: dict[str, None] = {}

        def frames(path: Path) -> Iterator[pl.DataFrame]:
            return read_frames(path, columns, attributes, known=known)

        errors: list[PipelineError] = []

        async def one(call: Call) -> list[Page]:
            async with slots:
                if errors:
                    return []
                try:
                    return await land(self.client, call, self.landing.call(call, frames), self.rule)
                except PipelineError as error:
                    errors.append(error)
                    return []

        pages = await asyncio.gather(*(one(call) for call in calls))
        if errors:
            raise errors[0]
        return pages
