"""Partitions in time: business days and hours, when they are looked for and when they are late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from optimove_pipeline.cadence import Daily, Hourly
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.partition_keys import Month, partition_key, partition_of

MINUTE = timedelta(minutes=1)
SECONDS = st.integers(1_748_736_000, 1_811_808_000)
MOMENTS = SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def settings_of(**sections: Any) -> Settings:
    return parse_settings(sections, source="a test", data_dir=Path("data"))


def hourly(**sections: Any) -> Hourly:
    return Hourly(settings_of(**sections), delay=5 * MINUTE, patience=30 * MINUTE)


def test_a_day_is_looked_for_from_its_readiness_time_on_and_late_at_its_deadline() -> None:
    daily = Daily(settings_of(readiness={"time": "05:00", "deadline_hours": 2.0}))
    day = date(2026, 3, 1)
    assert daily.ended_at(day) == datetime(2026, 3, 2, tzinfo=UTC)
    assert daily.ready_at(day) == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert daily.late_at(day) == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert daily.expected(daily.ready_at(day) - MINUTE) == date(2026, 2, 28)
    assert daily.expected(daily.ready_at(day)) == day
    assert daily.after(date(2026, 2, 28)) == day


def test_an_hour_is_looked_for_once_its_delay_is_over() -> None:
    hour = partition_of("2026-03-01T23")
    assert hourly().ended_at(hour) == datetime(2026, 3, 2, tzinfo=UTC)
    assert hourly().ready_at(hour) == datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
    assert hourly().late_at(hour) == datetime(2026, 3, 2, 0, 35, tzinfo=UTC)
    assert hourly().after(hour) == partition_of("2026-03-02T00")


@given(MOMENTS)
@examples(derandomize=True)
def test_the_expected_hour_is_the_newest_that_is_ready(now: datetime) -> None:
    expected = hourly().expected(now)
    assert hourly().ready_at(expected) <= now < hourly().ready_at(hourly().after(expected))


@given(MOMENTS)
@examples(derandomize=True)
def test_the_expected_day_is_the_newest_that_is_ready(now: datetime) -> None:
    daily = Daily(settings_of(tenant={"timezone": "America/New_York"}, readiness={"time": "03:00"}))
    expected = daily.expected(now)
    assert daily.ready_at(expected) <= now < daily.ready_at(daily.after(expected))


def test_missed_hours_are_caught_up_oldest_first_and_only_so_far_back() -> None:
    newest = partition_of("2026-03-02T01")
    few = [*hourly().caught_up(partition_of("2026-03-01T23"), newest)]
    assert few == [partition_of("2026-03-01T23"), partition_of("2026-03-02T00"), newest]
    many = [*hourly(readiness={"catch_up_days": 1}).caught_up(partition_of("2025-01-01T00"), newest)]
    assert (many[0], many[-1], len(many)) == (newest - timedelta(days=1), newest, 25)


def test_no_hour_before_the_tenants_first_day_is_caught_up() -> None:
    tenant = {"start_date": "2026-03-02", "timezone": "Asia/Tokyo"}
    first, *_ = hourly(tenant=tenant).caught_up(partition_of("2026-03-01T01"), partition_of("2026-03-01T18"))
    assert first == partition_of("2026-03-01T15")


def test_the_first_hour_is_a_whole_one_where_days_begin_at_half_past() -> None:
    tenant = {"start_date": "2026-03-02", "timezone": "Asia/Kolkata"}
    hours = [*hourly(tenant=tenant).caught_up(partition_of("2026-03-01T01"), partition_of("2026-03-01T20"))]
    assert [partition_key(each) for each in hours] == ["2026-03-01T18", "2026-03-01T19", "2026-03-01T20"]


def test_a_day_given_for_an_hour_is_refused() -> None:
    with pytest.raises(TypeError, match="2026-03-01 is a day, expected an hour"):
        hourly().ended_at(date(2026, 3, 1))


@given(MOMENTS)
@examples(derandomize=True)
def test_a_key_names_its_partition(moment: datetime) -> None:
    hour = moment.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    for partition in (hour, hour.date(), Month(hour.year, hour.month, 1)):
        found = partition_of(partition_key(partition))
        assert (found, type(found)) == (partition, type(partition))
