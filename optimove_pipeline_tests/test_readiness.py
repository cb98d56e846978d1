"""When a day is looked for, and when it is late."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.readiness import due_day, expected_day, late_at, ready_at

DAY = date(2026, 11, 20)


def settings(zone: str = "UTC", **readiness: Any) -> Settings:
    document = {"tenant": {"timezone": zone}, "readiness": readiness}
    return parse_settings(document, source="a test", data_dir=Path("data"))


@pytest.mark.parametrize(
    ("zone", "time", "expected"),
    [
        ("UTC", "06:00", "2026-11-21 06:00"),
        ("UTC", "00:00", "2026-11-21 00:00"),
        ("America/New_York", "06:00", "2026-11-21 06:00"),
        ("America/New_York", "05:00", "2026-11-21 05:00"),
        ("America/New_York", "04:59", "2026-11-22 04:59"),
        ("Asia/Tokyo", "14:59", "2026-11-21 14:59"),
        ("Asia/Tokyo", "15:00", "2026-11-20 15:00"),
    ],
)
def test_a_day_is_looked_for_from_the_first_readiness_time_after_its_end(zone: str, time: str, expected: str) -> None:
    assert f"{ready_at(settings(zone, time=time), DAY):%Y-%m-%d %H:%M}" == expected


def test_a_day_is_late_some_hours_after_it_is_looked_for() -> None:
    assert late_at(settings(deadline_hours=2.5), DAY) == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland", "Pacific/Kiritimati"])
@given(now=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)), minute=st.integers(0, 24 * 60 - 1))  # noqa: DTZ001 - made aware below
@examples(max_examples=40)
def test_the_day_expected_and_the_day_due_are_the_newest_that_are(zone: str, now: datetime, minute: int) -> None:
    at, chosen = now.replace(tzinfo=UTC), settings(zone, time=f"{minute // 60:02}:{minute % 60:02}")
    expected, due = expected_day(chosen, at), due_day(chosen, at)
    assert ready_at(chosen, expected) <= at < ready_at(chosen, expected + timedelta(days=1))
    assert late_at(chosen, due) <= at < late_at(chosen, due + timedelta(days=1))


@pytest.mark.parametrize("time", ["6", "24:00", "06:00Z", "06:00:00", 360, None])
def test_a_wrong_time_is_refused(time: object) -> None:
    with pytest.raises(SettingsError, match=r"readiness\.time: expected a UTC time in quotes"):
        settings(time=time)
