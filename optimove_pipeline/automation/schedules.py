"""The schedules of the settings: each pulls its period through the job ``pull_period``."""

from __future__ import annotations

import dagster as dg

from optimove_pipeline.automation.launchpad import STEP
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.schedules import Schedule


def schedules_of(settings: Settings, job: dg.JobDefinition) -> list[dg.ScheduleDefinition]:
    """Return the schedules, running in the tenant's time zone.

    Raises:
        SettingsError: a schedule's time can't be.
    """
    return [_schedule(schedule, settings, job) for schedule in settings.schedules]


def _schedule(schedule: Schedule, settings: Settings, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    options = schedule.model_dump(mode="json", exclude={"name", "cron"}, exclude_none=True)
    try:
        return dg.ScheduleDefinition(
            name=schedule.name,
            cron_schedule=schedule.cron,
            job=job,
            run_config={"ops": {STEP: {"config": options}}},
            execution_timezone=settings.tenant.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(f"schedules: {schedule.name}: cron {schedule.cron!r} is no time that comes") from error
