"""What Dagster does by itself, put together: the job, the schedules and the one list of sensors."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.automation.acknowledgements import acknowledgements
from optimove_pipeline.automation.alert_delivery import alert_delivery
from optimove_pipeline.automation.budget_watch import budget_watch
from optimove_pipeline.automation.credential_expiry import credential_expiry
from optimove_pipeline.automation.data_sets import data_set_sensors
from optimove_pipeline.automation.ended_runs import ended_runs
from optimove_pipeline.automation.late_days import late_days
from optimove_pipeline.automation.launchpad import pull_period
from optimove_pipeline.automation.report_readiness import report_readiness
from optimove_pipeline.automation.requested_runs import requested_runs
from optimove_pipeline.automation.schedules import schedules_of
from optimove_pipeline.automation.skipped_in_backfills import skipped_in_backfills
from optimove_pipeline.automation.undelivered import undelivered
from optimove_pipeline.config import Settings

SENSORS: tuple[Callable[[Settings], dg.SensorDefinition], ...] = (
    report_readiness,
    requested_runs,
    skipped_in_backfills,
    ended_runs,
    late_days,
    budget_watch,
    credential_expiry,
    alert_delivery,
)
"""Each makes a sensor from the settings."""

DATA_SET_SENSORS: tuple[Callable[[Settings], dg.SensorDefinition], ...] = (acknowledgements, undelivered)
"""The same, where the settings choose data sets."""


def definitions_of(settings: Settings) -> dg.Definitions:
    """Return all that Dagster loads: the assets with their checks, and what is done by itself."""
    return dg.Definitions.merge(build_definitions(settings), _automation(settings))


def _automation(settings: Settings) -> dg.Definitions:
    pull = pull_period(settings)
    return dg.Definitions(
        jobs=[pull],
        schedules=schedules_of(settings, pull),
        sensors=[
            *(make(settings) for make in (*SENSORS, *(DATA_SET_SENSORS if settings.chosen_datasets else ()))),
            *data_set_sensors(settings),
        ],
    )
