"""The sensor of runs that have ended: those that failed, and failed checks of any, are alerts.

It differs from Dagster's own run failure sensor where that would lose an alert (an error in it moves its cursor on),
pass by runs of the command line, or tell of a failed run in two alerts of two sensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg

from optimove_pipeline.alerts.alert import Alert
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.alerts.texts import checks_failed, run_failed
from optimove_pipeline.automation.run_problems import failed_checks, failures, interrupted_by_its_user, named
from optimove_pipeline.config import Settings
from optimove_pipeline.signs_of_life import forget, lost_runs

INTERVAL_SECONDS = 30

RUNS_AT_ONCE = 10
"""The most runs that a tick looks through, which has to end within a minute."""

_ENDS: Final = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)

_UNDER_WAY = {
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
}

_LOST = "The process of this run is gone: it was killed, or the machine was restarted."


def ended_runs(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor. It begins with the runs that end after its first tick."""

    @dg.sensor(
        name="ended_runs",
        description="Alerts of failed runs and failed checks; runs whose process is gone are marked as failed.",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        seen = json.loads(context.cursor) if context.cursor else _newest(context.instance)
        fail_lost_runs(context.instance, settings.data_dir)
        raised = [alert.title for alert in _alerts(context, settings, seen) if raise_alert(settings.data_dir, alert)]
        # Only now: a tick that fails on the way looks at the same runs again, and an alert is raised once.
        context.update_cursor(json.dumps(seen))
        return dg.SkipReason("; ".join(raised) or "no run has failed")

    return sensor


def fail_lost_runs(instance: dg.DagsterInstance, data_dir: Path) -> None:
    """Mark runs whose process is gone as failed, so that they take no place of a run under way."""
    for run_id in lost_runs(data_dir):
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status in _UNDER_WAY:
            instance.report_run_failed(run, _LOST)
        forget(data_dir, run_id)


def _newest(instance: dg.DagsterInstance) -> dict[str, int]:
    """Return the newest run that ended in each way, as the cursor holds it."""
    newest = {end.value: instance.fetch_run_status_changes(end, limit=1).records for end in _ENDS}
    return {end: records[0].storage_id if records else 0 for end, records in newest.items()}


def _alerts(context: dg.SensorEvaluationContext, settings: Settings, seen: dict[str, int]) -> Iterator[Alert]:
    """Yield the alerts of the runs that ended after those ``seen``, and note these in it."""
    for end in _ENDS:
        after = dg.RunStatusChangeRecordsFilter(end, after_storage_id=seen[end.value])
        for record in context.instance.fetch_run_status_changes(after, RUNS_AT_ONCE, ascending=True).records:
            run = context.instance.get_run_by_id(record.run_id)
            ended = record.event_log_entry.dagster_event
            if run is not None and ended is not None and _is_ours(context, run):
                yield from _alerts_of(context.instance, settings, run, ended)
            seen[end.value] = record.storage_id


def _is_ours(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Return whether a run is of this code location, or of the command line, which names none."""
    if run.remote_job_origin is None:
        return True
    location = run.remote_job_origin.repository_origin.code_location_origin
    return (
        context.code_location_origin is None or location.location_name == context.code_location_origin.location_name
    )


def _alerts_of(
    instance: dg.DagsterInstance, settings: Settings, run: dg.DagsterRun, ended: dg.DagsterEvent
) -> Iterator[Alert]:
    if ended.event_type is dg.DagsterEventType.RUN_FAILURE and not interrupted_by_its_user(run, ended):
        yield run_failed(named(run, settings), failures(instance, run, ended))
    if problems := failed_checks(instance, run):
        yield checks_failed(named(run, settings), problems)
