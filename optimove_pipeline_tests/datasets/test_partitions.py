"""The partitions of a business day, and the newest of a data set."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.datasets.partitions import newest_partition, partitions_of

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
        ("Asia/Kolkata", hour(18, 19), hour(19, 18)),
    ],
)
def test_the_hours_of_a_day_are_those_that_begin_on_it(zone: str, first: datetime, last: datetime) -> None:
    hours = partitions_of(settings("hourly", zone), "customers", DAY)
    assert (hours[0], hours[-1], len(hours)) == (first, last, 24)


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
