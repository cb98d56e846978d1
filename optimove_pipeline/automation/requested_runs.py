"""The sensor that turns filed requests into runs, each into one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg

from optimove_pipeline.assets.filters import run_config
from optimove_pipeline.assets.resources import CALL_CLASS_TAG
from optimove_pipeline.assets.selection import range_tags, stage_keys
from optimove_pipeline.automation.requests import Request, done, pending
from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import CallClass

logger = logging.getLogger(__name__)

REASON_TAG = "optimove/reason"
"""Run tag: why the run was requested."""

RUNS_PER_TICK = 10
"""The daemon creates runs one after the other; more of them at once would hold up other sensors."""

_NAME = "requested_runs"

_INTERVAL_SECONDS = 15

_DAILY_PRIORITY = "10"


def requested_runs(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor; it asks the API nothing."""

    @dg.sensor(
        name=_NAME,
        description="Starts the runs that the launchpad and the readiness sensor have filed as requests.",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        waiting = _without_a_run(context.instance, settings.data_dir)
        asked = [request for each in waiting if (request := _still_selected(each, settings))][:RUNS_PER_TICK]
        yield from (run_request(settings, each) for each in asked)
        if not asked:
            yield dg.SkipReason("no request is waiting")

    return sensor


def run_request(settings: Settings, request: Request) -> dg.RunRequest:
    """Return the run of a request; Dagster starts one run, and no second, for its key."""
    tags = {
        **range_tags(request.first, request.last),
        CALL_CLASS_TAG: request.call_class.value,
        REASON_TAG: request.reason,
    }
    if request.call_class is CallClass.DAILY:
        tags["dagster/priority"] = _DAILY_PRIORITY
    return dg.RunRequest(
        run_key=request.key,
        tags=tags,
        asset_selection=stage_keys(settings, request.reports),
        run_config=run_config(request.reports, request.filters),
    )


def _still_selected(request: Request, settings: Settings) -> Request | None:
    """Return the request without the reports that the settings have ceased to select; None if none is left."""
    selected = {report.name for report in settings.reports.selected()}
    kept = tuple(name for name in request.reports if name in selected)
    if kept != request.reports:
        gone = ", ".join(sorted({*request.reports} - selected))
        logger.warning("Request %s: reports.select has no %s any more, left out", request.key, gone)
    if not kept:
        done(settings.data_dir, request.key)
        return None
    return replace(request, reports=kept)


def _without_a_run(instance: dg.DagsterInstance, data_dir: Path) -> list[Request]:
    """Return the pending requests that have no run, and mark the others as done.

    A request is marked only once its run is seen: between asking for a run and having it, the daemon may die.
    """
    waiting = []
    for request in pending(data_dir):
        if _has_run(instance, request.key):
            done(data_dir, request.key)
        else:
            waiting.append(request)
    return waiting


def _has_run(instance: dg.DagsterInstance, key: str) -> bool:
    """Return whether a run was handed over to be carried out; one that is merely made is asked for once more."""
    of_key = dg.RunsFilter(tags={"dagster/run_key": key, "dagster/sensor_name": _NAME})
    return any(run.status is not dg.DagsterRunStatus.NOT_STARTED for run in instance.get_runs(of_key))
