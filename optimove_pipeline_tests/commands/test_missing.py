"""Runs narrowed to what is not published: nothing missing is left out, and nothing that was read for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from optimove_pipeline.commands.missing import days_by_report, days_of, only_missing
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.report import Report
from optimove_pipeline.runs import Planned

FIRST = date(2025, 6, 1)
DAYS = [FIRST + timedelta(days=past) for past in range(10)]
CHUNK = ("promo_codes", "executed_campaign_details", "promo_codes_by_campaign")


def run(*names: str, first: int = 0, last: int = 9) -> Planned:
    return Planned(tuple(BY_NAME[name] for name in names), DAYS[first], DAYS[last])


def missing(
    planned: Iterable[Planned], published: Mapping[str, Iterable[date]], *, staged: bool = True
) -> list[Planned]:
    days = {name: frozenset(of_report) for name, of_report in published.items()}
    return [*only_missing([*planned], days, lambda report, day: staged)]


def test_where_nothing_is_published_every_run_stays_as_it_is() -> None:
    planned = [run(*CHUNK, first=9), run(*CHUNK, last=8)]
    assert missing(planned, {}) == planned


def test_a_run_whose_days_are_all_published_is_left_out() -> None:
    assert missing([run(*CHUNK), run("promo_codes")], dict.fromkeys(CHUNK, DAYS)) == []


def test_what_is_left_of_a_run_goes_from_its_first_missing_day_to_its_last() -> None:
    published = {CHUNK[0]: DAYS[:4] + DAYS[6:8], CHUNK[1]: DAYS[:5]}
    assert missing([run(*CHUNK[:2])], published) == [run(*CHUNK[:2], first=4)]


def test_a_report_that_is_published_is_left_out_of_a_run_of_others() -> None:
    found = missing([run(*CHUNK)], dict.fromkeys(CHUNK[:2], DAYS))
    assert found == [run("promo_codes_by_campaign")]


def test_a_report_that_is_read_stays_if_its_rows_are_not_held_any_more() -> None:
    found = missing([run(*CHUNK)], dict.fromkeys(CHUNK[:2], DAYS), staged=False)
    assert found == [run("executed_campaign_details", "promo_codes_by_campaign")]


def test_rows_of_days_between_are_needed_too() -> None:
    asked: set[date] = set()

    def staged(_: Report, day: date) -> bool:
        asked.add(day)
        return day != DAYS[5]

    published = {name: frozenset(DAYS) for name in CHUNK[:2]} | {CHUNK[2]: frozenset(DAYS[1:9])}
    assert [*only_missing([run(*CHUNK)], published, staged)] == [run(*CHUNK[1:])]
    assert DAYS[5] in asked


def test_what_is_read_of_what_is_read_stays_too_but_no_snapshot() -> None:
    names = ("executed_campaigns_by_channel", "executed_campaign_channel_details", "execution_channels")
    found = missing([run(*names)], dict.fromkeys((names[0], names[2]), DAYS), staged=False)
    assert found == [run(*names[:2])]


def test_the_days_of_a_report_are_those_of_all_runs() -> None:
    planned = [run("promo_codes", first=9), run(*CHUNK[:2], last=1)]
    assert days_by_report(planned) == {
        BY_NAME["promo_codes"]: [DAYS[0], DAYS[1], DAYS[9]],
        BY_NAME["executed_campaign_details"]: DAYS[:2],
    }
    assert days_of(run("promo_codes")) == DAYS
