"""``run``: materialise reports for a range of days through Dagster, and tell what was pulled."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import dagster as dg

from optimove_pipeline.assets.outcomes import COMPLETE
from optimove_pipeline.assets.resources import CALL_CLASS_TAG, COMMAND_RUNS_TAG, COMMAND_TAG
from optimove_pipeline.assets.selection import range_tags, stage_keys
from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.runs import Planned, data_reach
from optimove_pipeline.session import Session

CHECK_ATTEMPTS = 2
"""Attempts of the one call before a run: a person waits for its answer."""

_INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(slots=True)
class Line:
    """What one feed came to over all days: a line of the table."""

    feed: str
    days: int = 0
    rows: int = 0
    calls: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    table: str = ""
    files: int = 0
    bytes: int = 0
    targets: str = ""


@dataclass(slots=True)
class Summary:
    """What a command's runs came to; ``problems`` are failures and days held back, each in one line."""

    lines: dict[str, Line] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def add(self, other: Summary) -> None:
        """Take in what further runs came to."""
        self.lines |= other.lines
        self.problems += other.problems
        self.runs += other.runs


class Watcher(Protocol):
    """Follows the runs of a command."""

    def begin(self, run_id: str, planned: Planned) -> None:
        """Note that a run begins; raise KeyboardInterrupt if it is not to."""

    def tell(self, event: dg.DagsterEvent) -> None:
        """Note an event of the run."""


def last_closed_day(settings: Settings) -> date:
    """Return yesterday in the tenant's time zone."""
    return datetime.now(settings.zone).date() - timedelta(days=1)


def last_data_update(settings: Settings) -> date:
    """Ask the API how far its data reach before a run, so that a wrong address or key is one message, and soon.

    Raises:
        SettingsError: the settings can't work; nothing is written.
        ApiError: the address or the credentials are wrong, or the API does not answer.
    """
    impatient = settings.api.model_copy(update={"attempts": CHECK_ATTEMPTS})
    session = Session(settings.model_copy(update={"api": impatient}), "check")
    try:
        return data_reach(session, last_closed_day(settings))
    finally:
        session.close()


def execute(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    planned: Sequence[Planned],
    call_class: CallClass,
    watcher: Watcher,
) -> Summary:
    """Carry out runs one after the other in this process, recorded in Dagster's instance.

    Raises:
        KeyboardInterrupt: the process was asked to end (SIGINT, SIGTERM); the run under way has ended in order.
    """
    summary = Summary()
    tags = {
        CALL_CLASS_TAG: call_class.value,
        COMMAND_TAG: str(uuid.uuid4()),
        COMMAND_RUNS_TAG: str(len(planned)),
    }
    for each in planned:
        _execute(settings, definitions, instance, each, tags, watcher, summary)
    return summary


def _execute(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    planned: Planned,
    tags: Mapping[str, str],
    watcher: Watcher,
    summary: Summary,
) -> None:
    run_id = str(uuid.uuid4())
    watcher.begin(run_id, planned)
    keys = stage_keys(settings, (report.name for report in planned.reports))
    tags = {**range_tags(planned.first, planned.last), **tags}
    materialise(definitions, instance, run_id, keys, tags, watcher.tell, summary)


def materialise(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    run_id: str,
    keys: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    tell: Callable[[dg.DagsterEvent], None],
    summary: Summary,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Materialise assets in one run in this process; ``tell`` gets each event, ``summary`` what they come to.

    Raises:
        KeyboardInterrupt: the process was asked to end (SIGINT, SIGTERM); the run has ended in order.
    """
    instance.add_event_listener(run_id, lambda entry: _listen(entry, tell))
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        run_id=run_id,
        asset_selection=[*keys],
        tags=dict(tags),
        run_config={**_QUIET, **(config or {})},
        raise_on_error=False,
    )
    summary.runs.append(run_id)
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            _take_in_failure(event.job_failure_data, summary)
        _take_in(event, summary)


def _take_in_failure(failure: Any, summary: Summary) -> None:
    """Note what ended the run as a whole, unless it was a step, which is noted by itself."""
    if failure.first_step_failure_event is not None or failure.error is None:
        return
    if failure.error.cls_name in _INTERRUPTIONS:
        raise KeyboardInterrupt
    summary.problems.append(f"the run: {_root(failure.error)}")


def _listen(entry: dg.EventLogEntry, tell: Callable[[dg.DagsterEvent], None]) -> None:
    if entry.dagster_event is not None:
        tell(entry.dagster_event)


def _take_in(event: dg.DagsterEvent, summary: Summary) -> None:
    if event.is_step_failure:
        summary.problems.append(f"{_step_title(event)}: {_reason(event)}")
    elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        if evaluation.check_name == COMPLETE and not evaluation.passed:
            summary.problems.append(f"{evaluation.asset_key.to_user_string()}: {evaluation.description}")
    elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
        _add(event, summary)


def _add(event: dg.DagsterEvent, summary: Summary) -> None:
    materialization = event.step_materialization_data.materialization
    stage, feed = materialization.asset_key.path
    line = summary.lines.setdefault(feed, Line(feed))
    values: dict[str, Any] = defaultdict(int) | {
        name: value.value for name, value in materialization.metadata.items()
    }
    if stage == "report":
        line.calls += values["calls"]
        line.seconds += values["API seconds"]
    if stage in {"validated", "history"}:
        line.quarantined += values["rows in quarantine"]
    if stage in {"published", "history"}:
        line.days += 1
        line.rows += values["dagster/row_count"]
        line.table = str(values["dagster/table_name"])
    if stage in {"delivered", "history"} and values["targets"]:
        line.files += values["files"]
        line.bytes += values["bytes"]
        line.targets = str(values["targets"])


def _step_title(event: dg.DagsterEvent) -> str:
    return (event.step_key or "a step").replace("__", "/")


def _reason(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    told = failure.user_failure_data
    if told is not None and told.description:
        return told.description
    return _root(failure.error) if failure.error is not None else "failed"


def _root(error: Any) -> str:
    while error.cause is not None:
        error = error.cause
    return str(error.message).strip()
