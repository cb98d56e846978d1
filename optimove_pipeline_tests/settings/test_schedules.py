"""The settings of schedules: which periods they name, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import LastDays, Predefined, TimePeriod


def settings_of(**schedule: Any) -> Settings:
    document = {"schedules": [{"name": "again", "cron": "30 7 * * 1", **schedule}]}
    return parse_settings(document, source="a.yaml", data_dir=Path("data"))


def period_of(**schedule: Any) -> TimePeriod:
    (found,) = settings_of(**schedule).schedules
    return found.time_period()


def test_a_schedule_names_its_period_or_a_number_of_days() -> None:
    assert period_of(days=7) == TimePeriod(LastDays(7))
    week = TimePeriod(Predefined.PREVIOUS_WEEK, days_back=2, offset_hours=-3.0)
    assert period_of(period="previous_week", days_back=2, timezone_offset=-3.0) == week


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({}, "a.yaml: schedules.0: give period or days"),
        ({"period": "yesterday", "days": 2}, "a.yaml: schedules.0: period and days: give one of them"),
        ({"days": 5000}, "a.yaml: schedules.0: days 5000: expected 1 to 3660"),
        ({"days": 1, "reports": ["promo_code"]}, "a.yaml: schedules.0.reports.0: 'promo_code' is not a report"),
    ],
)
def test_a_schedule_without_one_period_is_refused(schedule: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(**schedule)
    assert str(caught.value).startswith(message)


def test_two_schedules_have_two_names() -> None:
    again = {"name": "again", "cron": "30 7 * * 1", "days": 1}
    with pytest.raises(SettingsError, match=r"^a\.yaml: schedules: 'again' is given twice"):
        parse_settings({"schedules": [again, again]}, source="a.yaml", data_dir=Path("data"))
