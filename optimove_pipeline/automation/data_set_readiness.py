"""The factory of sensors that look whether a day of a data set is complete at its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.automation.completeness import IsComplete
from optimove_pipeline.automation.data_set_look import Looked, look_for, state_of
from optimove_pipeline.config import Settings
from optimove_pipeline.readiness import late_at

TICK_SECONDS = 30
"""Time between two ticks; a tick asks the source only when it is time to."""


def data_set_sensor(
    settings: Settings,
    name: str,
    readiness_time: str,
    is_complete: IsComplete,
    assets: Sequence[dg.AssetKey],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """Return the sensor of a data set: from ``readiness_time`` (UTC, "06:00") on it asks ``is_complete`` of each day.

    A day that is complete gets one run of all ``assets``, known by its key; days that the first of these assets has
    are not looked for. A day that is late raises an alert.
    """
    own = settings.model_copy(update={"readiness": settings.readiness.model_copy(update={"time": readiness_time})})

    @dg.sensor(
        name=f"{name}_readiness",
        description=f"Looks for each day of {name} from {readiness_time} UTC on, and runs it once it is complete.",
        asset_selection=dg.AssetSelection.assets(*assets),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        made = map(date.fromisoformat, context.instance.get_materialized_partitions(assets[0]))
        moment = now()
        looked = look_for(own, state_of(context.cursor), moment, {*made}, is_complete)
        _alert_lateness(own, name, looked, moment)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=f"{name}/{day}", partition_key=day.isoformat(), asset_selection=[*assets])
                for day in looked.complete
            ],
            skip_reason=None if looked.complete else looked.told,
            cursor=looked.state.to_text(),
        )

    return sensor


def _alert_lateness(settings: Settings, name: str, looked: Looked, now: datetime) -> None:
    for day in looked.late:
        text = (
            f"It was expected by {late_at(settings, day):%Y-%m-%d %H:%M} UTC at the latest. {looked.told}. The "
            f"source is asked every {settings.readiness.poll_minutes} minutes from here on, and the day runs once it "
            "is complete there."
        )
        title = f"{name} of {day} is not complete at its source"
        alert = Alert(AlertKind.LATE, f"not-complete/{name}/{day}", title, text)
        raise_alert(settings.data_dir, alert, now.timestamp())
