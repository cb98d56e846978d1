"""A day's row count against the days before it."""

from __future__ import annotations

from datetime import date, timedelta

from optimove_pipeline.stages.history import judge

MONDAY = date(2026, 11, 16)


def before(*counts: int, step: int = 1) -> list[tuple[date, int]]:
    """Return counts of the days before Monday, the last one first."""
    return [(MONDAY - timedelta(days=step * (number + 1)), count) for number, count in enumerate(counts)]


def test_a_count_near_those_before_is_usual() -> None:
    verdict = judge(MONDAY, 1_010, before(1_000, 990, 1_005, 1_020, 980))
    assert verdict.usual
    assert verdict.text == "1,010 rows; the last 5 days had 1,000 in the middle, ± 10"


def test_no_rows_where_there_were_always_many_are_unusual() -> None:
    assert not judge(MONDAY, 0, before(1_000, 990, 1_005, 1_020, 980)).usual


def test_a_steady_feed_may_grow_by_half_and_a_noisy_one_by_its_noise() -> None:
    assert judge(MONDAY, 1_400, before(*[1_000] * 7)).usual
    assert not judge(MONDAY, 1_600, before(*[1_000] * 7)).usual
    assert judge(MONDAY, 1_600, before(800, 1_200, 1_000, 840, 1_160, 500, 1_500)).usual


def test_the_same_weekdays_are_the_measure_once_there_are_three() -> None:
    mondays = before(100, 105, 95, step=7)
    other_days = before(*[1_000] * 6)
    assert judge(MONDAY, 101, [*mondays, *other_days]).usual
    assert not judge(MONDAY, 1_000, [*mondays, *other_days]).usual
    assert "3 Mondays" in judge(MONDAY, 101, [*mondays, *other_days]).text


def test_too_few_days_make_any_count_usual() -> None:
    verdict = judge(MONDAY, 5, before(1_000, 1_000))
    assert verdict.usual
    assert verdict.text == "5 rows, 2 days to compare with"


def test_days_that_are_too_old_or_later_do_not_count() -> None:
    old = [(MONDAY - timedelta(days=29 + number), 1) for number in range(10)]
    later = [(MONDAY + timedelta(days=number), 1) for number in range(10)]
    assert judge(MONDAY, 1_000, [*old, *later]).text == "1,000 rows, 0 days to compare with"
