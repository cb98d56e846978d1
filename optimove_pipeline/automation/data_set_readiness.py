"""The factory of sensors that look whether a partition of data sets is complete at its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.automation.completeness import IsComplete
from optimove_pipeline.automation.data_set_look import Looked, look_for, state_of
from optimove_pipeline.cadence import Cadence
from optimove_pipeline.config import Settings
from optimove_pipeline.partition_keys import partition_key, partition_of

TICK_SECONDS = 30
"""Time between two ticks; a tick asks the source only when it is time to."""


def data_set_sensor(
    settings: Settings,
    name: str,
    cadence: Cadence,
    is_complete: IsComplete,
    assets: Sequence[dg.AssetKey],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """Return the sensor of data sets that are ready together: from then on it asks ``is_complete`` of each partition.

    A partition that is complete gets one run of all ``assets``, known by its key; those that the first of these
    assets has are not looked for. A partition that is late raises an alert.
    """

    @dg.sensor(
        name=f"{name}_readiness",
        description=f"Looks for each partition of {name}, and runs it once it is complete at its source.",
        asset_selection=dg.AssetSelection.assets(*assets),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        made = map(partition_of, context.instance.get_materialized_partitions(assets[0]))
        moment = now()
        looked = look_for(settings, cadence, state_of(context.cursor), moment, {*made}, is_complete)
        _alert_lateness(settings, name, cadence, looked, moment)
        return dg.SensorResult(
            run_requests=[_run(name, partition_key(each), assets) for each in looked.complete],
            skip_reason=None if looked.complete else looked.told,
            cursor=looked.state.to_text(),
        )

    return sensor


def _run(name: str, key: str, assets: Sequence[dg.AssetKey]) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"{name}/{key}", partition_key=key, asset_selection=[*assets])


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
