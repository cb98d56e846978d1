"""The account of runs: what is done, what is left, and how long that takes."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from optimove_pipeline.commands.account import Account, Expected
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.runs import Planned

REPORTS = ("promo_codes", "executed_campaign_details")
STEPS = [(stage, name) for name in REPORTS for stage in ("report", "validated", "published")]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def account_of(clock: Clock, *calls: dict[str, int]) -> Account:
    """An account of runs of one day each, by the calls that are expected of their reports."""
    run = Planned(tuple(BY_NAME[name] for name in REPORTS), date(2025, 6, 1), date(2025, 6, 1))
    return Account([Expected(run, of_run, steps=len(STEPS)) for of_run in calls], clock)


def take_step(account: Account, clock: Clock, step: tuple[str, str], *, seconds: float = 1.0, calls: int = 0) -> None:
    account.begin_step(step)
    clock.seconds += seconds
    for _ in range(calls):
        account.add_call(2)
    account.end_step(step)


def nothing(calls: int) -> float:
    return 0.0


def test_before_the_first_run_all_is_left(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 10, REPORTS[1]: 20}, {REPORTS[0]: 30})
    assert account.calls_left == 60
    assert (account.steps_in_all, account.days_in_all) == (12, 4)
    assert account.seconds_left(lambda calls: calls * 2.0) == 120.0


def test_calls_move_the_account_while_their_step_goes_on(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 10, REPORTS[1]: 20})
    account.begin_run()
    account.begin_step(("report", REPORTS[0]))
    seen = []
    for _ in range(12):
        account.add_call(3)
        seen.append(account.calls_left)
    assert seen == [*range(29, 19, -1), 20, 20]
    assert (account.calls, account.rows) == (12, 36)
    assert account.active is not None
    assert (account.active.calls, account.active.rows) == (12, 36)


def test_a_report_that_took_other_calls_than_expected_sets_its_later_runs_right(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 10, REPORTS[1]: 10}, {REPORTS[0]: 100, REPORTS[1]: 100})
    account.begin_run()
    take_step(account, clock, ("report", REPORTS[0]), calls=5)
    assert account.calls_left == 10 + 50 + 100
    take_step(account, clock, ("report", REPORTS[1]), calls=30)
    assert account.calls_left == 50 + 300
    account.begin_run()
    assert account.calls_left == 50 + 300


def test_a_step_that_fails_or_is_skipped_leaves_nothing_to_wait_for(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 10, REPORTS[1]: 20})
    account.begin_run()
    for step in STEPS[:3]:
        account.end_step(step)
    assert account.calls_left == 20
    assert account.reports_of_run == (1, 2)


def test_steps_without_calls_take_as_long_as_those_before(clock: Clock) -> None:
    account = account_of(clock, dict.fromkeys(REPORTS, 0), dict.fromkeys(REPORTS, 0))
    account.begin_run()
    for step in STEPS:
        take_step(account, clock, step, seconds=3.0)
    assert account.seconds_left(nothing) == 4 * 3.0
    account.begin_run()
    for step in STEPS:
        take_step(account, clock, step, seconds=3.0)
    assert (account.steps, account.seconds_left(nothing)) == (12, 0.0)
    assert account.reports_of_run == (2, 2)


def test_the_time_left_is_that_of_the_budget_or_of_the_calls_so_far_if_these_are_slower(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 10, REPORTS[1]: 10})
    account.begin_run()
    take_step(account, clock, ("report", REPORTS[0]), seconds=40.0, calls=10)
    assert account.seconds_left(lambda calls: calls * 1.0) == 40.0
    assert account.seconds_left(lambda calls: calls * 9.0) == 90.0


def test_the_time_left_shrinks_as_calls_are_made(clock: Clock) -> None:
    account = account_of(clock, {REPORTS[0]: 100, REPORTS[1]: 0})
    account.begin_run()
    account.begin_step(("report", REPORTS[0]))
    left = []
    for _ in range(100):
        clock.seconds += 1.0
        account.add_call(1)
        left.append(account.seconds_left(nothing))
    assert all(later < earlier for earlier, later in pairwise(left))
    assert left[-1] == 0.0


def test_days_count_when_they_are_published(clock: Clock) -> None:
    account = account_of(clock, {}, {})
    account.begin_run()
    account.add_day()
    assert account.days == 1
    assert account.seconds == 0.0
