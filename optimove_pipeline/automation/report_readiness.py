"""The sensor that looks whether a day of reports is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache

import dagster as dg

from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.automation.daily_look import Look, look
from optimove_pipeline.automation.daily_requests import Held
from optimove_pipeline.automation.last_update import LastUpdate, write_last_update
from optimove_pipeline.config import Settings
from optimove_pipeline.session import ask_briefly
from optimove_pipeline.staging import Staging

NAME = "report_readiness"

TICK_SECONDS = 30
"""Time between two ticks; a tick asks the API only when it is time to."""

PATIENCE_SECONDS = 20.0
"""How long opening the API and asking it may take, each; Dagster gives up a tick after 60 seconds."""


def report_readiness(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Return the sensor. It requests runs by filing them, so each of its ticks is a skipped one that says why."""

    @dg.sensor(
        name=NAME,
        description=(
            f"Looks for each day from the readiness time ({settings.readiness.time} UTC) on, and requests its "
            "reports once Optimove has its data, together with missed days and days that still change."
        ),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        held = held_by(context.instance, settings)
        moment = now()
        return dg.SkipReason(look(Look(settings, moment, held, lambda: _ask(settings, moment))))

    return sensor


def held_by(instance: dg.DagsterInstance, settings: Settings) -> Held:
    """Return what is held: Dagster knows of every day published, and staging of the partitions that it has."""
    staging = Staging(settings.data_dir / "staging")

    @cache
    def published(report: str) -> frozenset[date]:
        return frozenset(map(date.fromisoformat, instance.get_materialized_partitions(key("published", report))))

    return Held(published, lambda report, day: staging.find("report", report, day) is not None)


def _ask(settings: Settings, now: datetime) -> date:
    day = ask_briefly(settings, NAME, lambda client: client.last_data_update(), patience_seconds=PATIENCE_SECONDS)
    write_last_update(settings.data_dir, LastUpdate(day, now))
    return day
