"""A plan as a person reads it, and as a program does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from optimove_pipeline.commands.durations import told
from optimove_pipeline.commands.plan import Plan
from optimove_pipeline.optimove.budget import CallClass, Window
from optimove_pipeline.reports.estimates import Estimate

_NUMBERS = ("days", "published", "to do", "calls", "at least", "at most")


def as_table(plan: Plan) -> Table:
    """Return a line for each report, and one for the calls of none."""
    table = Table("report", box=SIMPLE, show_footer=True)
    for name, total in zip(_NUMBERS, _totals(plan), strict=True):
        table.add_column(name, total, justify="right", no_wrap=True)
    table.add_column("how sure")
    table.columns[0].footer = "all"
    for each in plan.reports:
        numbers = (each.days, each.published, each.to_do)
        table.add_row(each.report, *map(_number, numbers), *_calls(each.estimate), str(each.estimate))
    table.add_row("look-ups", "", "", "", *_calls(plan.look_ups), _of_look_ups(plan.look_ups))
    for column in table.columns:
        column.no_wrap = True
    return table


def _of_look_ups(estimate: Estimate) -> str:
    return "exact" if estimate.low == estimate.high else "exact, unless it takes long"


def _totals(plan: Plan) -> Iterator[str]:
    yield from (_number(sum(getattr(each, name) for each in plan.reports)) for name in ("days", "published", "to_do"))
    yield from map(_number, (plan.calls, plan.low, plan.high))


def _calls(estimate: Estimate) -> tuple[str, str, str]:
    return _number(estimate.calls), _number(estimate.low), _number(estimate.high)


def _number(number: int) -> str:
    return f"{number:,}"


def sentences(plan: Plan) -> Iterator[str]:
    """Yield what is to be said below the table: hours, what limits them, and what the plan does not know."""
    yield from _nothing_to_do(plan)
    if plan.runs:
        yield _hours(plan)
        yield _limit(plan)
    if plan.landed:
        yield (
            f"{plan.landed:,} calls were answered to runs that ended early: `run` goes on with these answers, so the "
            "least and the likely number of all leave them out."
        )
    yield from (f"Not known: {each}" for each in plan.unknown)


def _nothing_to_do(plan: Plan) -> Iterator[str]:
    if any(each.to_do for each in plan.reports):
        return
    if plan.runs:
        yield "Nothing is missing: every day is published. `run` asks for all anew, `run --missing` for nothing."
    else:
        yield "Nothing to do: every day is published."


def _hours(plan: Plan) -> str:
    likely, least, most = (told(plan.seconds(calls)) for calls in (plan.calls, plan.low, plan.high))
    runs = "1 run" if plan.runs == 1 else f"{plan.runs} runs"
    between = "" if least == most else f", between {least} and {most}"
    return f"{_number(plan.calls)} calls in {runs} take about {likely} at today's budget{between}."


def _limit(plan: Plan) -> str:
    forecast = plan.pace.forecast(plan.calls)
    if plan.api_seconds(plan.calls) > forecast.seconds:
        return (
            f"What limits it: the API itself, which took {plan.seconds_of_a_call:.2g} s for a call so far, with "
            f"{plan.concurrency} calls at once (api.concurrency)."
        )
    if forecast.limit is None:
        return "The budget does not limit it: so many calls are free in every window now."
    window = plan.pace.window_of(forecast.limit)
    return f"What limits it: {_window(window)}{_reserve(plan, window)}, {plan.pace.used(window):,} of them used now."


def _window(window: Window) -> str:
    return f"the budget of {window.calls:,} calls in {told(window.seconds)}"


def _reserve(plan: Plan, window: Window) -> str:
    if plan.wish.call_class is not CallClass.BACKFILL:
        return ""
    free = next(limit.calls for other, limit in plan.pace.limits if other == window)
    return f", {free:,} of them for backfills"


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan for a program: the calls of each report and in all, seconds, and what limits it."""
    forecast = plan.pace.forecast(plan.calls)
    return {
        "from": plan.wish.first.isoformat(),
        "to": plan.wish.last.isoformat(),
        "last_data_update": plan.updated.isoformat(),
        "call_class": plan.wish.call_class.value,
        "runs": plan.runs,
        "reports": {
            each.report: {
                "days": each.days,
                "published": each.published,
                "to_do": each.to_do,
                **_estimate(each.estimate),
            }
            for each in plan.reports
        },
        "look_ups": _estimate(plan.look_ups),
        "calls": plan.calls,
        "low": plan.low,
        "high": plan.high,
        "landed": plan.landed,
        "seconds": {
            "likely": round(plan.seconds(plan.calls), 1),
            "low": round(plan.seconds(plan.low), 1),
            "high": round(plan.seconds(plan.high), 1),
            "of_the_api": round(plan.api_seconds(plan.calls), 1),
        },
        "windows": [
            {
                "calls": window.calls,
                "seconds": window.seconds,
                "allowed": limit.calls,
                "used": plan.pace.used(window),
                "limits": limit == forecast.limit,
            }
            for window, limit in plan.pace.limits
        ],
        "unknown": [*plan.unknown],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "calls": estimate.calls,
        "low": estimate.low,
        "high": estimate.high,
        "basis": estimate.basis.name.lower(),
        "exact_days": estimate.exact_days,
        "history_days": estimate.history_days,
    }
