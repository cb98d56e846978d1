"""The volume check, by Optimove's parameters: what is too little, too much, and what is compared with what."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.datasets.volume import Verdict, judge
from optimove_pipeline.settings.datasets import Volume

FRIDAY = date(2026, 11, 20)
DAY = timedelta(days=1)


def volume(**settings: Any) -> Volume:
    return Volume.model_validate(settings)


def before(days: int, rows: int = 1000, day: date = FRIDAY) -> dict[date, int]:
    """Return a history of so many days before one, of equal rows."""
    return {day - back * DAY: rows for back in range(1, days + 1)}


@pytest.mark.parametrize(
    ("rows", "passed", "said"),
    [
        (199, False, "too few: at least 20% are needed"),
        (200, True, "between 20% and 300%"),
        (3000, True, "between 20% and 300%"),
        (3001, False, "too many: at most 300% are let pass; was something sent twice?"),
    ],
)
def test_rows_are_held_against_the_average_at_both_ends(rows: int, passed: bool, said: str) -> None:
    verdict = judge(rows, FRIDAY, before(10), volume())
    assert verdict.passed is passed
    assert verdict.reason.endswith(said)
    assert (verdict.average, verdict.days) == (1000, 10)


def test_the_reason_says_it_in_words() -> None:
    assert judge(120, FRIDAY, before(10), volume()).reason == (
        "120 rows on 2026-11-20 (Friday), 12% of the average of 1,000 over 10 of the last 180 days: too few: at "
        "least 20% are needed"
    )


def test_four_of_the_same_weekday_are_compared_with_alone() -> None:
    history = before(28) | {FRIDAY - weeks * 7 * DAY: 100 for weeks in range(1, 5)}
    verdict = judge(100, FRIDAY, history, volume())
    assert (verdict.passed, verdict.average, verdict.days) == (True, 100, 4)
    assert "over 4 Fridays of the last 180 days" in verdict.reason
    del history[FRIDAY - 28 * DAY]
    assert judge(100, FRIDAY, history, volume()).days == 27
    assert judge(100, FRIDAY, before(28), volume(by_weekday=False)).days == 28


def test_days_further_back_and_the_day_itself_and_later_do_not_count() -> None:
    history = {FRIDAY - 181 * DAY: 1, FRIDAY - 180 * DAY: 1000, FRIDAY: 7, FRIDAY + DAY: 7}
    assert judge(500, FRIDAY, history, volume()) == Verdict(
        True,
        True,
        "500 rows on 2026-11-20 (Friday), 50% of the average of 1,000 over 1 of the last 180 days: between 20% and "
        "300%",
        1000,
        1,
    )
    assert judge(500, FRIDAY, history, volume(days_backwards=179)).average is None


def test_weekdays_that_are_ignored_are_neither_judged_nor_compared_with() -> None:
    ignoring = volume(ignored_weekdays=["sunday"])
    sunday = date(2026, 11, 15)
    verdict = judge(0, sunday, before(10, day=sunday), ignoring)
    assert verdict.passed
    assert verdict.reason == "2026-11-15 (Sunday) is not judged: sunday is ignored"
    history = before(5) | {sunday: 0}
    assert judge(1000, FRIDAY, history, ignoring).average == 1000
    assert judge(1000, FRIDAY, history, volume()).average == 800


@pytest.mark.parametrize(("rows", "passed"), [(0, False), (1, True), (10_000_000, True)])
def test_without_comparison_one_row_is_enough(rows: int, passed: bool) -> None:
    off = judge(rows, FRIDAY, before(30), volume(compare_average=False))
    first = judge(rows, FRIDAY, {}, volume())
    assert (off.passed, first.passed) == (passed, passed)
    assert "compare_average is off, so one is needed" in off.reason
    assert "there is nothing yet to compare with, so one is needed" in first.reason


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_after_days_without_rows_any_number_passes(rows: int) -> None:
    assert judge(rows, FRIDAY, before(10, 0), volume()).passed


def test_hours_are_compared_with_the_same_hour_of_other_days() -> None:
    hour = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
    history: dict[date, int] = {hour - back * DAY: 1000 for back in range(1, 4)}
    history |= {hour - timedelta(hours=hours): 1 for hours in range(1, 24)} | before(3, 10)
    verdict = judge(900, hour, history, volume())
    assert (verdict.passed, verdict.average, verdict.days) == (True, 1000, 3)
    assert verdict.reason.startswith("900 rows on 2026-11-20T14 (Friday), 90%")
    assert judge(900, FRIDAY, history, volume()).average == 10


@pytest.mark.parametrize("blocks", [True, False])
def test_whether_it_blocks_is_a_setting(blocks: bool) -> None:
    verdict = judge(1, FRIDAY, before(10), volume(blocks=blocks))
    assert (verdict.passed, verdict.blocks) == (False, blocks)


@settings(max_examples=60, derandomize=True)
@given(
    rows=st.integers(0, 10**6),
    history=st.dictionaries(st.integers(1, 400), st.integers(0, 10**6), max_size=30),
    factor=st.floats(0, 1),
    most=st.floats(1.01, 10),
    backwards=st.integers(1, 366),
)
def test_a_day_passes_if_and_only_if_it_lies_between_the_bounds(
    rows: int, history: dict[int, int], factor: float, most: float, backwards: int
) -> None:
    days = {FRIDAY - back * DAY: count for back, count in history.items()}
    given_volume = volume(factor=factor, most=most, days_backwards=backwards, by_weekday=False)
    counted = [count for back, count in history.items() if back <= backwards]
    verdict = judge(rows, FRIDAY, days, given_volume)
    if not counted:
        assert verdict.passed is (rows >= 1)
        return
    average = sum(counted) / len(counted)
    assert verdict.average == average
    assert verdict.passed is (factor * average <= rows and (average == 0 or rows <= most * average))
