"""The schedules of the settings, as Dagster has them, and what they request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.automation.launchpad import PullConfig, pull_period
from optimove_pipeline.automation.schedules import schedules_of
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError

SCHEDULE = {
    "name": "last_week_again",
    "cron": "30 7 * * 1",
    "period": "previous_week",
    "days_back": 2,
    "timezone_offset": -3.0,
    "reports": ["promo_codes"],
    "backfill": True,
}


def settings_of(schedule: dict[str, Any]) -> Settings:
    document = {"tenant": {"timezone": "Europe/London"}, "schedules": [schedule]}
    return parse_settings(document, source="a.yaml", data_dir=Path("data"))


def test_a_schedule_runs_by_itself_in_the_tenants_time_zone_and_asks_for_its_period() -> None:
    settings = settings_of(SCHEDULE)
    (schedule,) = schedules_of(settings, pull_period(settings))
    assert (schedule.name, schedule.cron_schedule, schedule.job_name) == (
        "last_week_again",
        "30 7 * * 1",
        "pull_period",
    )
    assert schedule.execution_timezone == "Europe/London"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    with dg.build_schedule_context() as context:
        (asked,) = schedule.evaluate_tick(context).run_requests or ()
    config = PullConfig.model_validate(asked.run_config["ops"]["file_requests"]["config"])
    assert config == PullConfig(
        period="previous_week", days_back=2, timezone_offset=-3.0, reports=["promo_codes"], backfill=True
    )


def test_a_time_that_never_comes_is_refused_by_the_schedules_name() -> None:
    settings = settings_of({**SCHEDULE, "cron": "61 7 * * 1"})
    with pytest.raises(SettingsError, match="schedules: last_week_again: cron '61 7"):
        schedules_of(settings, pull_period(settings))
