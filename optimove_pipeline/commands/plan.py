"""``plan``: what a range of days would take in calls and hours, before any of it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from optimove_pipeline.commands.dagster_home import history_so_far
from optimove_pipeline.commands.held import Held, read_held
from optimove_pipeline.commands.missing import days_by_report, days_of, narrowed
from optimove_pipeline.commands.pace import Pace, pace_of
from optimove_pipeline.commands.questions import Found, find_out
from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.reports.estimates import Basis, Estimate, Evidence, estimate
from optimove_pipeline.reports.evidence import Wanted, extracted, planned
from optimove_pipeline.reports.report import Report
from optimove_pipeline.runs import Planned, plan_runs
from optimove_pipeline.session import api_options, check_owner, lookups_of
from optimove_pipeline.staging import Staging

NOTHING = Estimate(0, 0, 0, 0, 0, 0, Basis.EXACT)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be planned: the days, how calls are counted, and whether what is published is left out."""

    first: date
    last: date
    call_class: CallClass = CallClass.DAILY
    missing: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """One report: the ``days`` of the range that can be had, those of them ``published``, and the runs' calls."""

    report: str
    days: int
    published: int
    estimate: Estimate

    @property
    def to_do(self) -> int:
        """The days that are not published."""
        return self.days - self.published


@dataclass(frozen=True, slots=True)
class Plan:
    """What the runs of a range would take.

    ``look_ups`` are the calls of no report; ``landed`` counts calls, among all these, that runs which ended early
    have answers of; ``seconds_of_a_call`` is the API's own time, 0 if it was never asked. ``unknown`` says what
    could not be found out, a line each.
    """

    wish: Wish
    updated: date
    runs: int
    reports: tuple[ReportPlan, ...]
    look_ups: Estimate
    landed: int
    pace: Pace
    concurrency: int
    seconds_of_a_call: float
    unknown: tuple[str, ...]

    @property
    def calls(self) -> int:
        """The calls that are likely still to be made."""
        return max(sum(each.calls for each in self._estimates) - self.landed, self.low)

    @property
    def low(self) -> int:
        """The fewest calls."""
        return max(sum(each.low for each in self._estimates) - self.landed, 0)

    @property
    def high(self) -> int:
        """The most calls, if none fails."""
        return sum(each.high for each in self._estimates)

    @property
    def _estimates(self) -> tuple[Estimate, ...]:
        return (self.look_ups, *(each.estimate for each in self.reports))

    def seconds(self, calls: int) -> float:
        """Return how long so many calls take, by the budget or by the API itself, whichever is slower."""
        return max(self.pace.forecast(calls).seconds, self.api_seconds(calls))

    def api_seconds(self, calls: int) -> float:
        """Return how long the API itself takes, with as many calls in flight as the settings allow."""
        return calls * self.seconds_of_a_call / self.concurrency


def make_plan(settings: Settings, wish: Wish) -> Plan:
    """Return the plan of what is wished for.

    It asks how far the data reach, and the look-ups that the runs would make, which are kept for them; ``offline``
    it asks nothing.

    Raises:
        SettingsError: the settings can't work.
        PartitionError: none of the days can be had.
        ApiError: the credentials are refused, or the API does not answer.
        BusyError: another process keeps the warehouse.
    """
    check_owner(settings, api_options(settings))
    staging = Staging(settings.data_dir / "staging")
    reports = settings.reports.selected()
    days = days_of(Planned(reports, wish.first, wish.last))
    with history_so_far(settings.data_dir) as instance:
        held = read_held(settings, dict.fromkeys(reports, days), instance)
    found = find_out(settings, partial(_runs, settings, wish, held, staging), offline=wish.offline)
    wanted, possible = days_by_report(found.runs), days_by_report(_possible(settings, wish, found.updated))
    evidence = evidence_of(settings, wanted, held, staging)
    estimates = {report: estimate(report, of_report, evidence, settings) for report, of_report in wanted.items()}
    return Plan(
        wish=wish,
        updated=found.updated,
        runs=len(found.runs),
        reports=tuple(_report_plan(report, held, possible, estimates) for report in reports),
        look_ups=_look_ups(found, wanted),
        landed=sum(held.landed.get((report.name, day), 0) for report in wanted for day in wanted[report]),
        pace=pace_of(settings, wish.call_class),
        concurrency=settings.api.concurrency,
        seconds_of_a_call=held.seconds_of_a_call,
        unknown=found.unknown,
    )


def evidence_of(settings: Settings, wanted: Wanted, held: Held, staging: Staging) -> Evidence:
    """Return what the calls of reports and days can be told from, without a call."""
    # Calls of a day that is not published may be those of a run that ended early, and not all.
    made = {(name, day): calls for (name, day), calls in held.calls.items() if day in held.published.get(name, ())}
    return Evidence(planned(wanted, settings, staging, lookups_of(settings, None)), extracted(wanted, staging), made)


def _possible(settings: Settings, wish: Wish, updated: date) -> list[Planned]:
    return [*plan_runs(settings.reports.selected(), wish.first, wish.last, updated, settings.reports.chunk)]


def _runs(settings: Settings, wish: Wish, held: Held, staging: Staging, updated: date) -> list[Planned]:
    runs = _possible(settings, wish, updated)
    return narrowed(runs, held.published, staging) if wish.missing else runs


def _report_plan(report: Report, held: Held, possible: Wanted, estimates: Mapping[Report, Estimate]) -> ReportPlan:
    days = possible.get(report, ())
    published = held.published.get(report.name, frozenset()).intersection(days)
    return ReportPlan(report.name, len(days), len(published), estimates.get(report, NOTHING))


def _look_ups(found: Found, wanted: Wanted) -> Estimate:
    """Return the calls of no report: the command and each of its runs ask how far the data reach.

    Snapshots ask again if that was long ago, and what could not be looked up now is asked for again.
    """
    if not found.runs:
        return NOTHING
    fewest = 1 + len(found.runs) + found.lookups_failed
    most = fewest + sum(report.snapshot for report in wanted)
    basis = Basis.EXACT if fewest == most else Basis.CATALOGUE
    return Estimate(0, fewest, fewest, most, 0, 0, basis)
