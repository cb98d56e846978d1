"""The windows of partitions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimove_pipeline.datasets.dataset import Content, Dataset, Load
from optimove_pipeline.datasets.windows import months, newest_closed, readable_from, time_of, window_of
from optimove_pipeline.packages import Window
from optimove_pipeline.partition_keys import partition_of
from optimove_pipeline.settings.datasets import Datasets

LONDON = ZoneInfo("Europe/London")
ZONES = st.sampled_from(
    ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]
).map(ZoneInfo)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def dataset(load: Load = Load.CHANGES) -> Dataset:
    return Dataset(
        name="orders", title="Orders", columns=(), key=(), table="Orders", content=Content.FACTS, load=load, group="d"
    )


def test_a_day_is_read_from_the_overlap_before_it_to_its_end() -> None:
    window = window_of(Datasets(overlap_hours=24), dataset(), date(2026, 7, 1), LONDON)
    assert window == Window(datetime(2026, 6, 29, 23, tzinfo=UTC), datetime(2026, 7, 1, 23, tzinfo=UTC))


def test_an_hour_is_one_of_utc() -> None:
    window = window_of(Datasets(overlap_hours=2), dataset(), partition_of("2026-07-01T14"), LONDON)
    assert window == Window(datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 15, tzinfo=UTC))


def test_a_partition_of_all_rows_has_no_overlap() -> None:
    day = date(2026, 7, 1)
    assert window_of(Datasets(), dataset(Load.SNAPSHOT), day, LONDON) == time_of(day, LONDON)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)]
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: date, hours: int) -> None:
    window = time_of(day, LONDON)
    assert window.end - window.start == timedelta(hours=hours)


@given(first=DAYS, zone=ZONES)
def test_days_in_a_row_leave_no_time_out_and_none_twice(first: date, zone: ZoneInfo) -> None:
    settings = Datasets(overlap_hours=0)
    windows = [window_of(settings, dataset(), first + timedelta(days=each), zone) for each in range(20)]
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))
    assert all(window.start < window.end for window in windows)


@given(first=DAYS, zone=ZONES)
def test_hours_in_a_row_leave_no_time_out_and_none_twice(first: date, zone: ZoneInfo) -> None:
    settings, start = Datasets(overlap_hours=0), datetime.combine(first, datetime.min.time())
    windows = [window_of(settings, dataset(), start + timedelta(hours=each), zone) for each in range(30)]
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))


@given(history=st.integers(1, 40), before=DAYS, zone=ZONES)
def test_months_of_history_end_where_the_first_day_begins(history: int, before: date, zone: ZoneInfo) -> None:
    windows = months(history, before, zone)
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))
    assert windows[-1].end == time_of(before, zone).start
    assert len(windows) == history + (before.day > 1)
    assert {window.start.astimezone(zone).day for window in windows} == {1}


def test_a_partition_is_read_the_delay_after_its_end() -> None:
    moment = readable_from(Datasets(delay_minutes=5), date(2026, 7, 1), LONDON)
    assert moment == datetime(2026, 7, 1, 23, 5, tzinfo=UTC)


@given(day=DAYS, zone=ZONES, seconds=st.integers(0, 90_000))
def test_the_newest_closed_day_has_ended_and_the_next_has_not(day: date, zone: ZoneInfo, seconds: int) -> None:
    moment = time_of(day, zone).start + timedelta(seconds=seconds)
    closed = newest_closed(day, moment, zone)
    assert time_of(closed, zone).end <= moment < time_of(closed + timedelta(days=1), zone).end


def test_the_newest_closed_hour_is_the_one_before_this() -> None:
    moment = datetime(2026, 7, 1, 14, 59, tzinfo=UTC)
    assert newest_closed(partition_of("2026-01-01T00"), moment, LONDON) == partition_of("2026-07-01T13")
