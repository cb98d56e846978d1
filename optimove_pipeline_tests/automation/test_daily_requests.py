"""Which runs follow from days that are there: the days themselves, and those before that still change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.automation.daily_requests import Held, open_days, requests_for
from optimove_pipeline.automation.requests import Request
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.reports.catalogue import REPORTS

DAY = date(2026, 11, 20)
DATED = tuple(report.name for report in REPORTS if not report.snapshot)
SNAPSHOTS = tuple(report.name for report in REPORTS if report.snapshot)
EVERY = tuple(report.name for report in REPORTS)

CHANGING = {
    "customer_execution_details_by_campaign",
    "customer_send_details_by_campaign",
    "customer_send_details_by_channel",
    "campaign_interaction_customers",
    "executed_campaign_channel_details",
}
LONGEST = "campaign_interaction_customers"


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def settings_with(**sections: Any) -> Settings:
    return parse_settings({"readiness": {"catch_up_days": 14}, **sections}, source="a test", data_dir=Path("data"))


def held(published: Mapping[str, Collection[date]], staged: bool = True) -> Held:
    return Held(lambda report: published.get(report, ()), lambda _report, _day: staged)


def published_on(names: Collection[str], *days: date) -> dict[str, Collection[date]]:
    return dict.fromkeys(names, days)


def all_held(*days: date) -> Held:
    return held(published_on(EVERY, *days))


NOTHING = held({})


def brief(requests: Collection[Request]) -> list[tuple[set[str], date, date]]:
    return [({*request.reports}, request.first, request.last) for request in requests]


def test_a_new_data_directory_begins_with_the_newest_day() -> None:
    assert open_days(settings_with(), None, DAY, NOTHING) == [DAY]


def test_days_after_the_last_one_requested_are_open_oldest_first() -> None:
    assert open_days(settings_with(), back(3), DAY, NOTHING) == [back(2), back(1), DAY]


def test_a_missed_day_is_caught_up_only_so_far_back_and_not_before_the_first_day() -> None:
    assert open_days(settings_with(), back(90), DAY, NOTHING) == [back(days) for days in range(14, -1, -1)]
    started = settings_with(tenant={"start_date": back(2).isoformat()})
    assert open_days(started, back(90), DAY, NOTHING) == [back(2), back(1), DAY]


def test_without_a_record_the_days_since_the_first_one_published_count_as_missed() -> None:
    assert open_days(settings_with(), None, DAY, all_held(back(4), back(3))) == [back(2), back(1), DAY]
    assert open_days(settings_with(), None, DAY, all_held(back(4), back(2))) == [back(3), back(2), back(1), DAY]
    assert open_days(settings_with(), None, DAY, all_held(back(300)))[0] == back(14)


def test_what_is_published_is_not_open() -> None:
    assert open_days(settings_with(), None, DAY, all_held(back(1), DAY)) == []
    some = held({name: {DAY} for name in DATED})
    assert open_days(settings_with(), None, DAY, some) == [DAY], "its snapshots may still be had"
    early = held({name: {back(1), DAY} for name in DATED} | {name: {DAY} for name in SNAPSHOTS})
    assert open_days(settings_with(), None, DAY, early) == [], "an old day has no snapshots"


def test_the_day_of_the_last_update_is_requested_whole() -> None:
    (request,) = requests_for(settings_with(), [DAY], DAY, NOTHING)
    assert request.reports == EVERY
    assert (request.first, request.last, request.key) == (DAY, DAY, "daily/2026-11-20")
    assert request.call_class is CallClass.DAILY
    assert "2026-11-20" in request.reason


@pytest.mark.parametrize("updated", [DAY + timedelta(days=1), None], ids=["later", "not known"])
def test_snapshots_come_with_no_other_day_than_that_of_the_last_update(updated: date | None) -> None:
    (request,) = requests_for(settings_with(), [DAY], updated, NOTHING)
    assert request.reports == DATED


def test_missed_days_are_requested_one_by_one_oldest_first() -> None:
    requests = requests_for(settings_with(), [back(2), back(1), DAY], DAY, NOTHING)
    assert brief(requests) == [
        ({*DATED}, back(2), back(2)),
        ({*DATED}, back(1), back(1)),
        ({*EVERY}, DAY, DAY),
    ]


def test_reports_that_a_person_has_published_are_not_asked_again() -> None:
    published = held(published_on(set(EVERY) - {"promo_codes"}, DAY))
    assert brief(requests_for(settings_with(), [DAY], DAY, published)) == [({"promo_codes"}, DAY, DAY)]
    assert requests_for(settings_with(), [DAY], DAY, all_held(DAY)) == []


def test_what_a_missing_report_reads_comes_along_if_staging_has_it_no_more() -> None:
    published = published_on(set(EVERY) - {"executed_campaign_channel_details"}, DAY)
    (request,) = requests_for(settings_with(), [DAY], DAY, held(published, staged=False))
    assert request.reports == ("executed_campaign_channel_details", "executed_campaigns_by_channel")


def test_reports_that_still_change_are_read_again_in_one_run_for_each_range() -> None:
    published = all_held(*(back(days) for days in range(1, 20)))
    daily, *again = requests_for(settings_with(), [DAY], DAY, published)
    assert daily.key == "daily/2026-11-20"
    assert brief(again) == [({LONGEST}, back(6), back(1)), (CHANGING - {LONGEST}, back(2), back(1))]
    assert [request.key for request in again] == [
        "look-back/2026-11-20/2026-11-14/2026-11-19",
        "look-back/2026-11-20/2026-11-18/2026-11-19",
    ]
    assert {request.call_class for request in again} == {CallClass.DAILY}


def test_only_days_that_were_published_are_read_again() -> None:
    _, *again = requests_for(settings_with(), [DAY], DAY, all_held(back(6), back(5), back(2)))
    assert brief(again) == [({LONGEST}, back(6), back(5)), (CHANGING, back(2), back(2))]
    assert len(requests_for(settings_with(), [DAY], DAY, NOTHING)) == 1


def test_after_missed_days_each_day_is_read_once() -> None:
    published = all_held(*(back(days) for days in range(3, 20)))
    requests = requests_for(settings_with(), [back(2), back(1), DAY], DAY, published)
    assert brief(requests[3:]) == [({LONGEST}, back(8), back(3)), (CHANGING - {LONGEST}, back(4), back(3))]


def test_the_settings_say_how_far_back_a_report_is_read_again() -> None:
    each = {name: {"look_back": 0} for name in CHANGING} | {
        "promo_codes": {"look_back": 1},
        "all_actions": {"look_back": 9},
    }
    published = all_held(*(back(days) for days in range(1, 20)))
    _, *again = requests_for(settings_with(reports={"each": each}), [DAY], DAY, published)
    assert brief(again) == [({"promo_codes"}, back(1), back(1))]


def test_a_day_that_a_person_pulled_first_is_still_followed_by_reading_the_changing_ones_again() -> None:
    published = all_held(DAY, back(1), back(2))
    assert brief(requests_for(settings_with(), [DAY], DAY, published)) == [(CHANGING, back(2), back(1))]


def test_a_missed_day_that_a_person_pulled_is_read_again_where_it_still_changes() -> None:
    daily, again = requests_for(settings_with(), [back(1), DAY], DAY, all_held(back(1)))
    assert daily.key == f"daily/{DAY}"
    assert brief([again]) == [(CHANGING, back(1), back(1))]


def test_only_selected_reports_are_requested() -> None:
    chosen = settings_with(reports={"select": ["executed_campaign_channel_details"]})
    names = {"executed_campaign_channel_details", "executed_campaigns_by_channel", "execution_channels"}
    published = held(published_on(names, back(1)))
    daily, again = requests_for(chosen, [DAY], DAY, published)
    assert {*daily.reports} == names
    assert again.reports == ("executed_campaign_channel_details",)
