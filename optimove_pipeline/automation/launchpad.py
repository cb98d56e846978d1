"""The job ``pull_period``: what ``optimove-pipeline run`` does for a period, from Dagster's launchpad."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from pydantic import Field

from optimove_pipeline.assets.filters import FiltersConfig
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.automation.requests import Request, file_request
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.periods import Predefined, TimePeriod, time_period
from optimove_pipeline.reports.report import Report
from optimove_pipeline.runs import Planned, data_reach, plan_runs
from optimove_pipeline.settings.chunks import parse_chunk
from optimove_pipeline.settings.narrowing import narrow

STEP = "file_requests"
"""The job's one step, under which its configuration is given."""


class PullConfig(dg.Config):
    """What to pull; the words are those of ``optimove-pipeline run``."""

    period: str | None = Field(default=None, description=f"Days by name: {', '.join(Predefined)}.")
    first: str | None = Field(default=None, alias="from", description="First day, e.g. 2026-11-20.")
    last: str | None = Field(default=None, alias="to", description="Last day. None: the last closed day.")
    days: int | None = Field(default=None, description="So many last closed days. Nothing given: 3.")
    days_back: int = Field(default=0, description="Days before these that are pulled with them.")
    timezone_offset: float = Field(default=0.0, description="Hours that move the tenant's clock, e.g. -2.")
    chunk: str | None = Field(default=None, description="Days of a run, e.g. daily:4. None: as in the settings.")
    reports: list[str] = Field(default=[], description="Only these and what they read. Empty: all selected.")
    filters: FiltersConfig = Field(
        default_factory=FiltersConfig, description="Narrows these runs. The rows that they give replace the days'."
    )
    backfill: bool = Field(default=True, description="Leave the daily run its share of the budget.")


def pull_period(settings: Settings) -> dg.JobDefinition:
    """Return the job; it files a request for each run, newest day first, and ends. ``requested_runs`` starts them."""

    @dg.op(name=STEP)
    def step(context: dg.OpExecutionContext, config: PullConfig, optimove: OptimoveResource) -> None:
        now = datetime.now(UTC)
        updated = data_reach(optimove.session, now.astimezone(settings.zone).date() - timedelta(days=1))
        try:
            requests = requests_of(config, settings, now, updated, context.run_id)
        except (SettingsError, PartitionError) as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        for request in requests:
            file_request(settings.data_dir, request)
        context.log.info(_told(requests, updated))

    @dg.job(name="pull_period", description="Pulls reports for a period, in runs of a chunk of days each.")
    def job() -> None:
        step()

    return job


def requests_of(config: PullConfig, settings: Settings, now: datetime, updated: date, run_id: str) -> list[Request]:
    """Return the requests of a run of the job, whose id makes their keys; ``updated`` is how far the data reach.

    Raises:
        SettingsError: a value can't be, or two contradict each other.
        PartitionError: none of the days can be had.
    """
    given = config.filters.given()
    narrow(settings.reports.filters, given, "filters")
    reports = _selected(config, settings)
    chunk = parse_chunk(config.chunk) if config.chunk else settings.reports.chunk
    first, last = _period(config).days(now, settings.zone, settings.tenant.start_date)
    call_class = CallClass.BACKFILL if config.backfill else CallClass.DAILY
    runs = enumerate(plan_runs(reports, first, last, updated, chunk))
    return [_request(run, call_class, given, run_id, number) for number, run in runs]


def _told(requests: Sequence[Request], updated: date) -> str:
    runs = [f"{each.first} to {each.last} with {len(each.reports)} reports" for each in requests]
    reach = f"The tenant's data reach to {updated}, the only day of which snapshots can be had."
    return f"Requested, to start within a minute: {'; '.join(runs)}. {reach}"


def _request(run: Planned, call_class: CallClass, filters: dict[str, object], run_id: str, number: int) -> Request:
    return Request(
        reports=tuple(report.name for report in run.reports),
        first=run.first,
        last=run.last,
        call_class=call_class,
        reason=f"pull_period, run {run_id}",
        key=f"pull_period/{run_id}/{number}",
        filters=filters,
    )


def _selected(config: PullConfig, settings: Settings) -> tuple[Report, ...]:
    """Return the reports of the runs: all that the settings select, or some of them with what they read."""
    known = settings.reports.selected()
    names = {report.name for report in known}
    for name in config.reports:
        if name not in names:
            raise SettingsError(f"reports: {name} is not a report that reports.select selects")
    if not config.reports:
        return known
    return settings.reports.model_copy(update={"select": tuple(config.reports)}).selected()


def _period(config: PullConfig) -> TimePeriod:
    return time_period(
        period=config.period,
        first=_day("from", config.first),
        last=_day("to", config.last),
        days=config.days,
        days_back=config.days_back,
        offset_hours=config.timezone_offset,
    )


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{name} {text}: expected a date such as 2026-11-20") from None
