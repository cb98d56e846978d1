"""The partitions of a business day, and the newest of a data set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.datasets.history import partitions_within
from optimove_pipeline.datasets.partitions import business_day, newest_partition, partitions_of
from optimove_pipeline.datasets.windows import months

DAY = date(2025, 6, 19)
NOW = datetime(2025, 6, 20, 5, 10, tzinfo=UTC)


def settings(cadence: str, zone: str = "UTC") -> Settings:
    datasets = {"preset": "casino", "select": ["customers"], "each": {"customers": {"cadence": cadence}}}
    document = {"tenant": {"timezone": zone}, "datasets": datasets}
    return parse_settings(document, source="test", data_dir=Path())


def hour(day: int, of_day: int) -> datetime:
    return datetime(2025, 6, day, of_day)  # noqa: DTZ001 - a partition has no zone


def test_a_day_is_its_own_partition() -> None:
    assert partitions_of(settings("daily"), "customers", DAY) == [DAY]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", hour(19, 0), hour(19, 23)),
        ("America/New_York", hour(19, 4), hour(20, 3)),
        ("Asia/Kolkata", hour(18, 18), hour(19, 17)),
    ],
)
def test_the_hours_of_a_day_begin_with_the_one_in_which_it_begins(zone: str, first: datetime, last: datetime) -> None:
    hours = partitions_of(settings("hourly", zone), "customers", DAY)
    assert (hours[0], hours[-1], len(hours)) == (first, last, 24)
    assert {business_day(each, ZoneInfo(zone)) for each in hours} == {DAY}


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_hours_are_of_one_day_each_and_none_of_neither(zone: str) -> None:
    days = [date(2025, 4, 4) + timedelta(days=each) for each in range(4)]
    hours = [each for day in days for each in partitions_of(settings("hourly", zone), "customers", day)]
    assert hours == [hours[0] + timedelta(hours=each) for each in range(len(hours))]
    assert [business_day(each, ZoneInfo(zone)) for each in hours] == sorted(
        business_day(each, ZoneInfo(zone)) for each in hours
    )


@pytest.mark.parametrize("hourly", [False, True])
def test_a_month_of_history_ends_with_the_partition_before_the_first_one_sent_by_its_changes(hourly: bool) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    *_, month = months(2, DAY, zone)
    held = partitions_within(month, zone, hourly=hourly)
    first = partitions_of(settings("hourly" if hourly else "daily", zone.key), "customers", DAY)[0]
    assert held[-1] + (timedelta(hours=1) if hourly else timedelta(days=1)) == first


@pytest.mark.parametrize(
    ("cadence", "day", "newest"),
    [
        ("daily", None, DAY),
        ("daily", date(2025, 6, 1), date(2025, 6, 1)),
        ("hourly", None, hour(20, 4)),
        ("hourly", DAY, hour(19, 23)),
        ("hourly", date(2025, 6, 20), hour(20, 4)),
        ("hourly", date(2025, 6, 21), hour(21, 0)),
    ],
)
def test_the_newest_partition_is_the_last_that_has_ended(cadence: str, day: date | None, newest: date) -> None:
    assert newest_partition(settings(cadence), "customers", NOW, day) == newest
