"""The factory of sensors that look whether a partition of data sets is complete at its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.automation.completeness import IsComplete
from optimove_pipeline.automation.data_set_look import ATTEMPTS, DataSetState, Looked, given_up, look_for, state_of
from optimove_pipeline.cadence import Cadence
from optimove_pipeline.config import Settings
from optimove_pipeline.partition_keys import partition_key, partition_of

TICK_SECONDS = 30
"""Time between two ticks; a tick asks the source only when it is time to."""

_UNSUCCESSFUL = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def data_set_sensor(
    settings: Settings,
    name: str,
    cadence: Cadence,
    is_complete: IsComplete,
    assets: Sequence[dg.AssetKey],
    last: Sequence[dg.AssetKey],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """Return the sensor of data sets that are ready together: from then on it asks ``is_complete`` of each partition.

    A partition that is complete gets one run of all ``assets``, known by its key; those that each of the assets
    ``last`` has are not looked for. One whose run ended without success is looked for again, a few times. A partition
    that is late raises an alert, and so does one whose last run that may be asked for has failed.
    """

    @dg.sensor(
        name=f"{name}_readiness",
        description=f"Looks for each partition of {name}, and runs it once it is complete at its source.",
        asset_selection=dg.AssetSelection.assets(*assets),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        moment, state = now(), state_of(context.cursor)
        # First the runs: one that ends meanwhile has made its partition by the time that is looked at.
        failed = _failed(context.instance, name, state)
        made = _made(context.instance, last, like=cadence.expected(moment))
        looked = look_for(settings, cadence, state, moment, made, failed, is_complete)
        _alert_lateness(settings, name, cadence, looked, moment)
        for each in given_up(state, made, failed):
            raise_alert(settings.data_dir, _given_up(name, each), moment.timestamp())
        return dg.SensorResult(
            run_requests=[_run(name, each, looked.state.requested[each], assets) for each in looked.complete],
            skip_reason=None if looked.complete else looked.told,
            cursor=looked.state.to_text(),
        )

    return sensor


def _made(instance: dg.DagsterInstance, last: Sequence[dg.AssetKey], *, like: date) -> set[date]:
    """Return the days, or hours as ``like`` is, that are through all stages of all data sets."""
    held = [instance.get_materialized_partitions(each) for each in last]
    made = {partition_of(key) for key in set[str].intersection(*held)}
    # A data set that became hourly has both.
    return {each for each in made if type(each) is type(like)}


def _failed(instance: dg.DagsterInstance, name: str, state: DataSetState) -> set[date]:
    """Return the partitions whose last requested run, or the last retry of it, has ended without success."""
    return {each for each, times in state.requested.items() if _ended_badly(instance, _run_key(name, each, times))}


def _ended_badly(instance: dg.DagsterInstance, run_key: str) -> bool:
    runs = [*instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key}))]
    retries = [
        retry for run in runs for retry in instance.get_runs(dg.RunsFilter(tags={"dagster/root_run_id": run.run_id}))
    ]
    every = [*retries, *runs]
    ended = bool(every) and all(run.status in _UNSUCCESSFUL for run in every)
    # The newest comes first; between its end and its retry there is nothing to see but this tag.
    return ended and every[0].tags.get("dagster/will_retry") != "true"


def _run_key(name: str, partition: date, times: int) -> str:
    return f"{name}/{partition_key(partition)}" + (f"/{times}" if times > 1 else "")


def _run(name: str, partition: date, times: int, assets: Sequence[dg.AssetKey]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=_run_key(name, partition, times),
        partition_key=partition_key(partition),
        asset_selection=[*assets],
    )


def _given_up(name: str, partition: date) -> Alert:
    key = partition_key(partition)
    text = (
        f"It was tried {ATTEMPTS} times, and no run is started for it any more. Look at what its runs say, put it "
        "right, and start it yourself: `optimove-pipeline deliver` takes a day, the UI any partition."
    )
    return Alert(AlertKind.RUN_FAILED, f"given-up/{name}/{key}", f"{name} of {key} failed {ATTEMPTS} times", text)


def _alert_lateness(settings: Settings, name: str, cadence: Cadence, looked: Looked, now: datetime) -> None:
    for partition in looked.late:
        key = partition_key(partition)
        text = (
            f"It was expected by {cadence.late_at(partition):%Y-%m-%d %H:%M} UTC at the latest. {looked.told}. The "
            f"source is asked every {settings.readiness.poll_minutes} minutes from here on, and it runs once it is "
            "complete there."
        )
        title = f"{name} of {key} is not complete at its source"
        alert = Alert(AlertKind.LATE, f"not-complete/{name}/{key}", title, text)
        raise_alert(settings.data_dir, alert, now.timestamp())
