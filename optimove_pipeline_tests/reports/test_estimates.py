"""Estimates of calls: exact where held rows say so, else by what was seen before, and as unsure as that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.estimates import Basis, Estimate, Evidence, Extracted, Key, estimate
from optimove_pipeline.reports.report import Report

MONDAY = date(2025, 6, 16)
UNPAGED, PAGED, CHANGING = "promo_codes_by_campaign", "customers_by_action", "customer_send_details_by_campaign"


def days_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=past) for past in range(number)]


def settings_with(**sections: Any) -> Settings:
    return parse_settings(sections, source="the test", data_dir=Path("data"))


def estimated(name: str, days: Sequence[date], *, settings: Settings | None = None, **evidence: Any) -> Estimate:
    keyed = {kind: {(name, day): value for day, value in found.items()} for kind, found in evidence.items()}
    return estimate(BY_NAME[name], days, Evidence(**keyed), settings or settings_with())


def span(found: Estimate) -> tuple[int, int, int]:
    return found.low, found.calls, found.high


def test_held_rows_make_it_exact_where_nothing_is_paged() -> None:
    found = estimated(UNPAGED, days_from(MONDAY, 2), planned={MONDAY: 7, MONDAY + timedelta(days=1): 5})
    assert span(found) == (12, 12, 12)
    assert (found.basis, str(found)) == (Basis.EXACT, "exact")


def test_a_plan_without_calls_is_exact_for_a_paged_report_too() -> None:
    assert span(estimated(PAGED, [MONDAY], planned={MONDAY: 0})) == (0, 0, 0)


def test_a_paged_day_is_exact_if_it_was_extracted_by_the_same_plan() -> None:
    found = estimated(PAGED, [MONDAY], planned={MONDAY: 4}, extracted={MONDAY: Extracted(4, 9)})
    assert span(found) == (9, 9, 9)
    assert found.basis is Basis.EXACT


@pytest.mark.parametrize(
    ("name", "before", "settings"),
    [
        (PAGED, Extracted(5, 9), {}),
        (CHANGING, Extracted(4, 9), {}),
        (PAGED, Extracted(4, 9), {"api": {"stop_at": "proven_short_page"}}),
    ],
    ids=["another plan", "days that still change", "pages that may end earlier"],
)
def test_a_paged_day_that_may_differ_the_next_time_is_not_exact(
    name: str, before: Extracted, settings: dict[str, Any]
) -> None:
    chosen = settings_with(**settings)
    found = estimated(name, [MONDAY], planned={MONDAY: 4}, extracted={MONDAY: before}, settings=chosen)
    assert found.basis is Basis.HISTORY
    assert 4 <= found.low < found.calls < found.high


def test_pages_of_planned_calls_are_those_that_other_days_had() -> None:
    other = {day: Extracted(10, pages) for day, pages in zip(days_from(MONDAY, 3), (20, 25, 30), strict=True)}
    found = estimated(PAGED, [MONDAY + timedelta(days=7)], planned={MONDAY + timedelta(days=7): 8}, extracted=other)
    assert span(found) == (12, 20, 30)
    assert str(found) == "from history (3 days)"


def test_a_plan_of_paged_calls_without_history_rests_on_the_catalogue() -> None:
    found = estimated(PAGED, [MONDAY], planned={MONDAY: 8})
    assert found.low == 8 < found.calls < found.high
    assert str(found) == "from the catalogue"


def test_days_of_the_same_weekday_are_the_measure_if_enough_are_known() -> None:
    made = {day: 30 if day.weekday() < 5 else 2 for day in days_from(MONDAY, 28)}
    weekend = estimated(UNPAGED, [MONDAY + timedelta(days=40)], made=made)
    assert (MONDAY + timedelta(days=40)).weekday() == 5
    assert span(weekend) == (1, 2, 3)
    assert str(weekend) == "from history (4 days)"
    assert estimated(UNPAGED, [MONDAY + timedelta(days=42)], made=made).calls == 30


def test_too_few_days_of_a_weekday_leave_a_wide_range() -> None:
    made = dict.fromkeys(days_from(MONDAY, 3), 10)
    found = estimated(UNPAGED, [MONDAY + timedelta(days=5)], made=made)
    assert span(found) == (5, 10, 20)
    assert found.history_days == 3


def test_only_the_nearest_days_count() -> None:
    made = dict.fromkeys(days_from(date(2024, 1, 1), 300), 100) | dict.fromkeys(days_from(MONDAY, 70), 10)
    assert estimated(UNPAGED, [MONDAY + timedelta(days=71)], made=made).calls == 10


def test_a_day_that_was_made_before_is_likely_to_take_the_same() -> None:
    found = estimated(UNPAGED, [MONDAY], made={MONDAY: 50, MONDAY + timedelta(days=1): 500})
    assert span(found) == (45, 50, 55)
    assert str(found) == "from history (1 day)"


def test_partitions_held_count_before_the_record_of_calls() -> None:
    found = estimated(UNPAGED, [MONDAY], made={MONDAY: 50}, extracted={MONDAY: Extracted(20, 20)})
    assert found.calls == 20


def test_a_neighbours_held_rows_count_as_history() -> None:
    planned = dict.fromkeys(days_from(MONDAY, 3), 6)
    found = estimated(UNPAGED, [MONDAY - timedelta(days=1)], planned=planned)
    assert span(found) == (3, 6, 12)
    assert found.basis is Basis.HISTORY


def test_an_estimate_says_which_part_of_it_is_exact() -> None:
    days = days_from(MONDAY, 4)
    planned = dict.fromkeys(days[:3], 6)
    found = estimated(UNPAGED, days, planned=planned)
    assert (found.days, found.exact_days) == (4, 3)
    assert str(found) == "exact for 3 of 4 days, else from history (3 days)"


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_with_nothing_known_every_report_has_an_estimate_from_the_catalogue(report: Report) -> None:
    evidence: dict[Key, int] = {}
    found = estimate(report, days_from(MONDAY, 31), Evidence(planned=evidence), settings_with())
    assert found.low <= found.calls <= found.high
    assert found.calls >= 31
    assert str(found) == "from the catalogue"


def test_no_days_take_no_calls() -> None:
    found = estimated(UNPAGED, [])
    assert (span(found), found.days, str(found)) == ((0, 0, 0), 0, "exact")
