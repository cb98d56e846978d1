"""The sensor of late days: as a day becomes due, each published report is judged, and what is missing is an alert.

It judges in its own tick, without a run: what keeps runs from being started would keep it from telling so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.alerts.texts import late
from optimove_pipeline.assets.due_check import DUE, Due, judge
from optimove_pipeline.config import Settings
from optimove_pipeline.readiness import due_day, late_at
from optimove_pipeline.reports.report import Report

INTERVAL_SECONDS = 120


def late_days(settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dg.SensorDefinition:
    """Return the sensor. It begins with the day that becomes due after its first tick."""
    selected = settings.reports.selected()

    @dg.sensor(
        name="late_days",
        description=f"Judges the check `{DUE}` of all published reports when a day becomes due; alerts of late days.",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        moment = now()
        day = due_day(settings, moment)
        if context.cursor is None:
            return _result("days that become due from now on are judged", day, [], [])
        seen = json.loads(context.cursor)
        if seen["day"] != day.isoformat():
            dues = judge(context.instance, settings, selected, moment)
            _tell(settings, day, dues)
            return _result("the day has become due", day, dues, dues)
        missing = [report for report in selected if report.name in seen["missing"]]
        return _again(day, missing, judge(context.instance, settings, missing, moment))

    return sensor


def _tell(settings: Settings, day: date, dues: Sequence[Due]) -> None:
    missing = [due.report for due in dues if not due.there]
    if missing:
        link = f"{settings.alerts.ui_url}/assets" if settings.alerts.ui_url else ""
        raise_alert(settings.data_dir, late(day, late_at(settings, day), missing, len(dues), link))


def _again(day: date, missing: Collection[Report], dues: Sequence[Due]) -> dg.SensorResult:
    """Return the result of another look at what was missing: only what has come since is news."""
    return _result("nothing is late" if not missing else "the day is late", day, dues, [d for d in dues if d.there])


def _result(said: str, day: date, dues: Sequence[Due], news: Sequence[Due]) -> dg.SensorResult:
    missing = [due.report for due in dues if not due.there]
    return dg.SensorResult(
        skip_reason=f"{day}: {said}" + (f"; missing: {', '.join(missing)}" if missing else ""),
        cursor=json.dumps({"day": day.isoformat(), "missing": missing}),
        asset_events=[due.evaluation() for due in news],
    )
