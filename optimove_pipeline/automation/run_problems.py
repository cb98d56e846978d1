"""What went wrong in a run that has ended, as alerts tell it: only in messages of this project.

What any other exception says may hold values of rows, so of those only the name is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
from dagster._core.events import JobFailureData
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

from optimove_pipeline.alerts.texts import Problem, Run
from optimove_pipeline.assets.due_check import DUE
from optimove_pipeline.assets.resources import COMMAND_TAG
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PipelineError

_INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}

_MARKED = "This run has been marked as failed"
"""What Dagster says of a run that somebody marked as failed without saying why."""

_UNEXPLAINED = "its process has ended without saying why"

_PARTITION_TAG = "dagster/partition"
_RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def named(run: dg.DagsterRun, settings: Settings) -> Run:
    """Return a run as alerts name it."""
    first, last = (run.tags.get(tag, run.tags.get(_PARTITION_TAG, "")) for tag in _RANGE_TAGS)
    link = f"{settings.alerts.ui_url}/runs/{run.run_id}" if settings.alerts.ui_url else ""
    return Run(run.run_id, first if first == last else f"{first} to {last}", link)


def failures(instance: dg.DagsterInstance, run: dg.DagsterRun, ended: dg.DagsterEvent) -> list[Problem]:
    """Return what made a run fail, which ``ended`` with that event: its steps, or what befell it as a whole."""
    events = _events(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE)
    steps = [Problem(_asset(event), _reason(event.step_failure_data)) for event in events]
    return steps or [Problem("", _befallen(instance, run, ended))]


def interrupted_by_its_user(run: dg.DagsterRun, ended: dg.DagsterEvent) -> bool:
    """Return whether somebody stopped a run of the command line, and so knows of it."""
    error = _error(ended)
    return COMMAND_TAG in run.tags and error is not None and error.cls_name in _INTERRUPTIONS


def failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Problem]:
    """Return the checks of a run that failed as errors; those that only warn are left out.

    So is ``due``, which tells of no fault of the run: a day that is late has an alert of its own.
    """
    events = _events(instance, run.run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [event.asset_check_evaluation_data for event in events]
    return [
        Problem(f"{each.asset_key.to_user_string()} ({each.check_name})", each.description or "failed")
        for each in evaluations
        if not each.passed and each.severity is dg.AssetCheckSeverity.ERROR and each.check_name != DUE
    ]


def _events(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    records = instance.get_records_for_run(run_id, of_type=kind).records
    return [record.event_log_entry.dagster_event for record in records if record.event_log_entry.dagster_event]


def _asset(event: dg.DagsterEvent) -> str:
    return (event.step_key or "a step").replace("__", "/")


def _reason(failure: StepFailureData) -> str:
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return _told(failure.error)


def _befallen(instance: dg.DagsterInstance, run: dg.DagsterRun, ended: dg.DagsterEvent) -> str:
    """Return what ended a run that no step did."""
    error = _error(ended)
    if error is not None:
        return _told(error)
    if ended.message and not ended.message.startswith(_MARKED):
        return ended.message
    # Whoever marked it has said why in the event before: its process was killed, by what signal.
    said = [event.message for event in _events(instance, run.run_id, dg.DagsterEventType.ENGINE_EVENT)]
    return next((message for message in reversed(said) if message), _UNEXPLAINED)


def _error(ended: dg.DagsterEvent) -> SerializableErrorInfo | None:
    """Return the error that ended a run; there is none if somebody else has marked it as failed."""
    failure = ended.event_specific_data
    return failure.error if isinstance(failure, JobFailureData) else None


def _told(error: SerializableErrorInfo | None) -> str:
    if error is None:
        return "failed without saying why: see the run's log"
    while error.cause is not None:
        error = error.cause
    if error.cls_name in _INTERRUPTIONS:
        return "it was interrupted"
    if error.cls_name in {kind.__name__ for kind in _kinds(PipelineError)}:
        return error.message.partition(f"{error.cls_name}: ")[2].strip()
    return f"an unexpected error, {error.cls_name}: see the run's log"


def _kinds(error: type[PipelineError]) -> Iterator[type[PipelineError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)
