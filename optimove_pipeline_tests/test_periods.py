"""Periods are the days that their definitions say, at every edge of the calendar; chunks are exactly their range."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import (
    DateRange,
    LastDays,
    Predefined,
    TimePeriod,
    chunks,
    most_days,
    time_period,
)
from optimove_pipeline.settings.chunks import Chunk, parse_chunk

START = date(2015, 1, 1)
UTC_ZONE = ZoneInfo("UTC")
LONDON = ZoneInfo("Europe/London")
APIA = ZoneInfo("Pacific/Apia")

DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def at(moment: str, zone: ZoneInfo = UTC_ZONE) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=zone)


def days(span: str | DateRange | LastDays, now: str, *, days_back: int = 0, offset: float = 0.0) -> str:
    """The days of a period at a moment of a tenant in UTC, in short."""
    period = TimePeriod(Predefined(span) if isinstance(span, str) else span, days_back, offset)
    first, last = period.days(at(now), UTC_ZONE, START)
    return f"{first}..{last}"


@pytest.mark.parametrize(
    ("name", "now", "expected"),
    [
        # 2026-11-18 is a Wednesday.
        ("yesterday", "2026-11-18T09:00", "2026-11-17..2026-11-17"),
        ("yesterday", "2026-01-01T00:00", "2025-12-31..2025-12-31"),
        ("yesterday", "2024-03-01T12:00", "2024-02-29..2024-02-29"),
        ("yesterday", "2025-03-01T12:00", "2025-02-28..2025-02-28"),
        ("week_to_date", "2026-11-18T09:00", "2026-11-16..2026-11-17"),
        ("week_to_date", "2026-11-17T00:00", "2026-11-16..2026-11-16"),
        ("week_to_date", "2026-11-22T23:59", "2026-11-16..2026-11-21"),
        ("week_to_date", "2026-01-02T09:00", "2025-12-29..2026-01-01"),
        ("previous_week", "2026-11-18T09:00", "2026-11-09..2026-11-15"),
        ("previous_week", "2026-11-16T00:00", "2026-11-09..2026-11-15"),
        ("previous_week", "2026-11-15T23:59", "2026-11-02..2026-11-08"),
        ("previous_week", "2026-01-01T09:00", "2025-12-22..2025-12-28"),
        ("previous_week_to_date", "2026-11-18T09:00", "2026-11-09..2026-11-10"),
        ("previous_week_to_date", "2026-11-22T09:00", "2026-11-09..2026-11-14"),
        ("previous_week_to_date", "2026-01-02T09:00", "2025-12-22..2025-12-25"),
        ("month_to_date", "2026-11-18T09:00", "2026-11-01..2026-11-17"),
        ("month_to_date", "2024-02-29T09:00", "2024-02-01..2024-02-28"),
        ("month_to_date", "2026-12-31T23:59", "2026-12-01..2026-12-30"),
        ("previous_month", "2026-11-18T09:00", "2026-10-01..2026-10-31"),
        ("previous_month", "2026-01-31T09:00", "2025-12-01..2025-12-31"),
        ("previous_month", "2024-03-31T09:00", "2024-02-01..2024-02-29"),
        ("previous_month", "2025-03-01T00:00", "2025-02-01..2025-02-28"),
        ("previous_month_to_date", "2026-11-18T09:00", "2026-10-01..2026-10-17"),
        ("previous_month_to_date", "2026-01-02T09:00", "2025-12-01..2025-12-01"),
        ("previous_month_to_date", "2024-03-30T09:00", "2024-02-01..2024-02-29"),
        ("previous_month_to_date", "2024-03-31T09:00", "2024-02-01..2024-02-29"),
        ("previous_month_to_date", "2025-03-31T09:00", "2025-02-01..2025-02-28"),
        ("previous_month_to_date", "2025-12-31T09:00", "2025-11-01..2025-11-30"),
        ("year_to_date", "2026-11-18T09:00", "2026-01-01..2026-11-17"),
        ("year_to_date", "2026-01-02T00:00", "2026-01-01..2026-01-01"),
        ("year_to_date", "2024-12-31T09:00", "2024-01-01..2024-12-30"),
    ],
)
def test_a_predefined_period_is_the_days_of_its_definition(name: str, now: str, expected: str) -> None:
    assert days(name, now) == expected


@pytest.mark.parametrize(
    ("name", "now"),
    [
        ("week_to_date", "2026-11-16T23:59"),
        ("previous_week_to_date", "2026-11-16T00:00"),
        ("month_to_date", "2026-11-01T12:00"),
        ("previous_month_to_date", "2026-03-01T12:00"),
        ("year_to_date", "2026-01-01T12:00"),
    ],
)
def test_a_period_without_a_closed_day_is_an_error_that_says_so(name: str, now: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} has no closed day yet on {now[:10]}"):
        days(name, now)


@pytest.mark.parametrize(
    ("span", "now", "days_back", "expected"),
    [
        (DateRange(day("2026-11-01"), day("2026-11-03")), "2026-11-18T09:00", 0, "2026-11-01..2026-11-03"),
        (DateRange(day("2026-11-17"), day("2026-11-17")), "2026-11-18T00:00", 0, "2026-11-17..2026-11-17"),
        (DateRange(day("2026-11-01")), "2026-11-18T09:00", 0, "2026-11-01..2026-11-17"),
        (DateRange(day("2026-11-01"), day("2026-11-03")), "2026-11-18T09:00", 3, "2026-10-29..2026-11-03"),
        (LastDays(1), "2026-01-01T09:00", 0, "2025-12-31..2025-12-31"),
        (LastDays(30), "2024-03-15T09:00", 0, "2024-02-14..2024-03-14"),
        (LastDays(2, day("2024-03-01")), "2026-11-18T09:00", 0, "2024-02-29..2024-03-01"),
        ("yesterday", "2026-11-18T09:00", 6, "2026-11-11..2026-11-17"),
        ("previous_week", "2026-11-18T09:00", 7, "2026-11-02..2026-11-15"),
    ],
)
def test_a_range_includes_its_end_and_days_back_widen_its_beginning(
    span: str | DateRange | LastDays, now: str, days_back: int, expected: str
) -> None:
    assert days(span, now, days_back=days_back) == expected


@pytest.mark.parametrize(
    ("name", "now", "offset", "expected"),
    [
        ("yesterday", "2026-11-18T01:30", -2, "2026-11-16..2026-11-16"),
        ("yesterday", "2026-11-18T02:00", -2, "2026-11-17..2026-11-17"),
        ("yesterday", "2026-11-18T01:30", 5.5, "2026-11-17..2026-11-17"),
        ("week_to_date", "2026-11-16T00:30", -1, "2026-11-09..2026-11-14"),
        ("previous_month", "2026-12-01T03:00", -4, "2026-10-01..2026-10-31"),
        ("previous_month", "2026-12-01T04:00", -4, "2026-11-01..2026-11-30"),
        ("year_to_date", "2026-01-01T00:30", -1, "2025-01-01..2025-12-30"),
    ],
)
def test_an_offset_moves_now_across_midnight(name: str, now: str, offset: float, expected: str) -> None:
    assert days(name, now, offset=offset) == expected


@pytest.mark.parametrize(
    ("span", "offset"),
    [
        (DateRange(day("2026-11-01"), day("2026-11-18")), 0),
        (LastDays(3, day("2999-01-01")), 0),
        (Predefined.YESTERDAY, 6),
        (DateRange(day("2026-11-01")), 6),
    ],
)
def test_a_day_that_is_not_closed_for_the_tenant_is_refused(span: DateRange | LastDays | str, offset: float) -> None:
    with pytest.raises(SettingsError, match="only closed days can be pulled, the last is 2026-11-17"):
        days(span, "2026-11-18T20:00", offset=offset)


def test_days_before_the_tenants_first_are_refused_if_named_and_else_left_out() -> None:
    now, start = at("2026-11-18T09:00"), day("2026-11-10")

    def first(span: DateRange | LastDays | Predefined, days_back: int = 0) -> date:
        return TimePeriod(span, days_back).days(now, UTC_ZONE, start)[0]

    assert first(Predefined.YEAR_TO_DATE) == start
    assert first(LastDays(3000)) == start
    assert first(LastDays(3660), 3660) == start
    assert first(DateRange(start), 5) == start
    assert first(DateRange(start + DAY)) == start + DAY
    for wrong in (DateRange(start - DAY), LastDays(1, start - DAY), LastDays(9, date.min), Predefined.PREVIOUS_MONTH):
        with pytest.raises(SettingsError, match=r"before tenant\.start_date, 2026-11-10"):
            first(wrong)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(SettingsError, match="begins on 2026-11-17, after its end, 2026-11-16"):
        days(DateRange(day("2026-11-17"), day("2026-11-16")), "2026-11-18T09:00")
    with pytest.raises(SettingsError, match="begins on 2026-11-18, after its end, 2026-11-17"):
        days(DateRange(day("2026-11-18")), "2026-11-18T09:00")


@pytest.mark.parametrize(
    ("zone", "now", "offset", "expected"),
    [
        # Clocks go forward at 01:00 UTC on 2026-03-29 in London: 00:30 UTC is still 00:30, 23:30 UTC is the 30th.
        (LONDON, "2026-03-29T00:30+00:00", 0, "2026-03-28"),
        (LONDON, "2026-03-29T23:30+00:00", 0, "2026-03-29"),
        # An hour before 00:30 on the 30th is 23:30 on the 29th; a day of that week has 23 hours.
        (LONDON, "2026-03-29T23:30+00:00", -1, "2026-03-28"),
        (LONDON, "2026-03-29T23:30+00:00", -0.5, "2026-03-29"),
        # 2026-10-25 has 25 hours in London, from 23:00 UTC to midnight UTC.
        (LONDON, "2026-10-24T22:59+00:00", 0, "2026-10-23"),
        (LONDON, "2026-10-24T23:00+00:00", 0, "2026-10-24"),
        (LONDON, "2026-10-25T23:59+00:00", 0, "2026-10-24"),
        (LONDON, "2026-10-26T00:00+00:00", 0, "2026-10-25"),
        # Samoa had no 2011-12-30.
        (APIA, "2011-12-30T09:59+00:00", 0, "2011-12-28"),
        (APIA, "2011-12-30T10:00+00:00", 0, "2011-12-30"),
    ],
)
def test_a_day_closes_at_midnight_of_the_tenants_zone(zone: ZoneInfo, now: str, offset: float, expected: str) -> None:
    period = TimePeriod(Predefined.YESTERDAY, offset_hours=offset)
    moment = datetime.fromisoformat(now)
    for asked in (moment, moment.astimezone(zone), moment.astimezone(ZoneInfo("Asia/Tokyo"))):
        assert period.days(asked, zone, date(2000, 1, 1)) == (day(expected), day(expected))


def test_an_offset_is_added_to_time_not_to_the_clocks_face() -> None:
    # 01:30 in London after clocks went forward; two hours before it was 22:30 of the day before.
    now = datetime(2026, 3, 29, 2, 30, tzinfo=LONDON)
    period = TimePeriod(Predefined.YESTERDAY, offset_hours=-2.0)
    assert period.days(now, LONDON, START) == (day("2026-03-27"), day("2026-03-27"))


MOMENTS = st.integers(1_452_000_000, 2_208_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
"""From 2016 to 2039."""

ZONES = st.sampled_from([UTC_ZONE, LONDON, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"), APIA])


@given(MOMENTS, ZONES, st.sampled_from([*Predefined]), st.floats(-12, 0))
@settings(max_examples=300)
def test_every_predefined_period_has_its_shape_at_every_moment(
    now: datetime, zone: ZoneInfo, name: Predefined, offset: float
) -> None:
    today = (now + timedelta(hours=offset)).astimezone(zone).date()
    try:
        first, last = TimePeriod(name, offset_hours=offset).days(now, zone, START)
    except SettingsError:
        assert name.endswith("to_date")
        assert today.weekday() == 0 if "week" in name else today.day == 1
        assert today.month == 1 or name != Predefined.YEAR_TO_DATE
        return
    closed = today - DAY
    assert first <= last <= closed
    if "week" in name:
        assert first.weekday() == 0
        assert (last - first).days < 7
    if "month" in name:
        assert (first.day, first.month) == (1, last.month)
    if name.endswith("to_date") and not name.startswith("previous"):
        assert last == closed
    if name in {Predefined.PREVIOUS_WEEK, Predefined.PREVIOUS_MONTH}:
        following = last + DAY
        assert following.weekday() == 0 if "week" in name else following.day == 1
        assert (closed - last).days < 31


@given(MOMENTS, ZONES)
@settings(max_examples=100)
def test_the_part_of_last_week_and_month_is_as_long_as_the_part_of_this(now: datetime, zone: ZoneInfo) -> None:
    today = now.astimezone(zone).date()
    assume(today.weekday() != 0 and today.day != 1)

    def length(name: Predefined) -> int:
        first, last = TimePeriod(name).days(now, zone, START)
        return (last - first).days

    assert length(Predefined.PREVIOUS_WEEK_TO_DATE) == length(Predefined.WEEK_TO_DATE)
    whole = length(Predefined.PREVIOUS_MONTH)
    assert length(Predefined.PREVIOUS_MONTH_TO_DATE) == min(length(Predefined.MONTH_TO_DATE), whole)


def test_options_become_the_period_that_they_name() -> None:
    first, last = day("2026-11-01"), day("2026-11-03")
    assert time_period() == TimePeriod(LastDays(3))
    assert time_period(last=last) == TimePeriod(LastDays(3, last))
    assert time_period(days=7, last=last) == TimePeriod(LastDays(7, last))
    assert time_period(first=first) == TimePeriod(DateRange(first))
    assert time_period(first=first, last=last, days_back=2) == TimePeriod(DateRange(first, last), 2)
    assert time_period(period="previous_week", offset_hours=-2) == TimePeriod(Predefined.PREVIOUS_WEEK, 0, -2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "last_week"}, "--period last_week: no such period; expected one of yesterday, week_to_date"),
        ({"period": "yesterday", "first": START}, "--period and --from: give one of them"),
        ({"period": "yesterday", "last": START}, "--period and --to: give one of them"),
        ({"period": "yesterday", "days": 2}, "--period and --days: give one of them"),
        ({"days": 2, "first": START}, "--days and --from: give one of them"),
        ({"days": 0}, "--days 0: expected 1 to 3660"),
        ({"days_back": -1}, "--days-back -1: expected 0 to 3660"),
        ({"offset_hours": 15.0}, "--timezone-offset 15: expected -12 to 14"),
        ({"offset_hours": float("nan")}, "--timezone-offset nan: expected -12 to 14"),
    ],
)
def test_options_that_can_not_be_are_refused_in_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        time_period(**options, call=lambda name: "--" + name.replace("_", "-"))  # type: ignore[arg-type] # of any type
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def cut(first: str, last: str, chunk: str) -> list[str]:
    return [f"{one}..{other}" for one, other in chunks(day(first), day(last), parse_chunk(chunk))]


def test_the_guides_example_gives_its_two_chunks() -> None:
    assert cut("2020-01-01", "2020-01-08", "daily:4") == ["2020-01-01..2020-01-04", "2020-01-05..2020-01-08"]


@pytest.mark.parametrize(
    ("first", "last", "chunk", "expected"),
    [
        ("2020-01-01", "2020-01-09", "daily:4", ["2020-01-01..2020-01-04", "2020-01-05..2020-01-08", "2020-01-09.."]),
        ("2020-01-01", "2020-02-05", "daily", ["2020-01-01..2020-01-31", "2020-02-01..2020-02-05"]),
        ("2020-01-01", "2030-12-31", "none", ["2020-01-01..2030-12-31"]),
        ("2020-01-15", "2020-03-02", "monthly", ["2020-01-15..2020-01-31", "2020-02-01..2020-02-29", "2020-03-01.."]),
        (
            "2019-12-15",
            "2020-05-01",
            "monthly:2",
            ["2019-12-15..2020-01-31", "2020-02-01..2020-03-31", "2020-04-01.."],
        ),
        ("2019-11-30", "2021-02-01", "yearly", ["2019-11-30..2019-12-31", "2020-01-01..2020-12-31", "2021-01-01.."]),
        ("2019-11-30", "2022-02-01", "yearly:2", ["2019-11-30..2020-12-31", "2021-01-01.."]),
        ("2020-01-02", "2020-01-01", "daily:4", []),
    ],
)
def test_chunks_go_by_days_or_by_the_calendar(first: str, last: str, chunk: str, expected: list[str]) -> None:
    assert cut(first, last, chunk) == [each + last if each.endswith("..") else each for each in expected]


CHUNKS = st.one_of(
    st.just(Chunk(interval="none")),
    st.builds(Chunk, interval=st.sampled_from(["daily", "monthly", "yearly"]), size=st.integers(1, 40)),
)


@given(st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.integers(0, 3000), CHUNKS)
@settings(max_examples=200)
def test_chunks_are_their_range_in_order_without_gap_or_overlap(first: date, more: int, chunk: Chunk) -> None:
    last = first + timedelta(days=more)
    cut = [*chunks(first, last, chunk)]
    assert (cut[0][0], cut[-1][1]) == (first, last)
    assert all(after[0] == before[1] + DAY for before, after in pairwise(cut))
    most = most_days(chunk)
    assert all(begin <= end and (most is None or (end - begin).days < most) for begin, end in cut)
    if chunk.interval in {"monthly", "yearly"}:
        assert all(begin.day == 1 for begin, _ in cut[1:])
    if chunk.interval == "yearly":
        assert all(begin.month == 1 for begin, _ in cut[1:])
    if chunk.interval == "daily":
        assert all((end - begin).days == chunk.length - 1 for begin, end in cut[:-1])
    if chunk.interval == "none":
        assert len(cut) == 1


@pytest.mark.parametrize(
    ("chunk", "most"),
    [("daily", 31), ("daily:4", 4), ("monthly", 31), ("monthly:2", 62), ("yearly", 366), ("none", None)],
)
def test_the_most_days_of_a_chunk_are_known(chunk: str, most: int | None) -> None:
    assert most_days(parse_chunk(chunk)) == most
