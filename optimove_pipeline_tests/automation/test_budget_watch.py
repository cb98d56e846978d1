"""A daily run that waits long for the budget is told, once in a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.alerts.alert import AlertKind
from optimove_pipeline.automation.budget_watch import budget_watch
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.optimove.budget import CallClass, limits_of, rules
from optimove_pipeline.optimove.budget.store import Transaction
from optimove_pipeline.session import api_options, budget_store, client_of, windows
from optimove_pipeline_tests.automation.ticks import Ticking, alerts

SIX = datetime(2025, 6, 21, 6, tzinfo=UTC)
CALLS = 3

Ask = Callable[[CallClass], None]
Tick = Callable[[float], str | None]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPTIMOVE_API_URL", "http://127.0.0.1:1/current")
    monkeypatch.setenv("OPTIMOVE_API_KEY", "canary-key")
    document = {
        "budget": {"windows": [{"calls": 2, "seconds": 10}, {"calls": CALLS, "seconds": 3600}]},
        "alerts": {"budget_wait_minutes": 10},
    }
    return parse_settings(document, source="a test", data_dir=tmp_path)


@pytest.fixture
def minute() -> dict[str, float]:
    """The minutes after six, as the sensor reads them."""
    return {"now": 0.0}


@pytest.fixture
def daemon(settings: Settings, minute: dict[str, float]) -> Iterator[Ticking]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(budget_watch(settings, lambda: SIX + timedelta(minutes=minute["now"])), instance)


@pytest.fixture
def tick(daemon: Ticking, minute: dict[str, float]) -> Tick:
    def tick_at(minutes: float) -> str | None:
        minute["now"] = minutes
        return daemon.tick().skip_message

    return tick_at


def ask(settings: Settings, call_class: CallClass, times: int = 1, window: int = 1) -> None:
    """Ask for calls as a process does: what the window allows is granted, and the next one waits for its turn."""
    limits = limits_of([windows(settings)[window]], call_class, reserve=0.0, guard=0.0)
    asker = rules.Asker(client_of(api_options(settings)), f"a {call_class} process", call_class, limits)
    for _ in range(times):
        with_budget(settings, lambda turn: rules.ask(turn, asker, 0))


def with_budget(settings: Settings, work: Callable[[Transaction], object]) -> None:
    options = api_options(settings)
    with closing(budget_store(settings, options).open()) as session:
        session.run(client_of(options), work)


def test_a_daily_run_that_waits_long_is_told_once_in_a_window(settings: Settings, tick: Tick, tmp_path: Path) -> None:
    ask(settings, CallClass.DAILY, CALLS)
    told = []
    for minutes in (0, 9.9, 10, 11, 69.9, 70, 71):
        ask(settings, CallClass.DAILY)
        tick(minutes)
        told.append(len(alerts(tmp_path)))
    assert told == [0, 0, 1, 1, 1, 2, 2]
    first = alerts(tmp_path)[0]
    assert (first.kind, first.title) == (AlertKind.BUDGET, "the daily run waits for the budget")
    assert first.text.startswith(
        "All 3 calls of the longest window of the budget are used up. Calls of the daily run that wait: 1, for 10 "
        "minutes so far; one more may be made at 2025-06-21 07:"
    )
    assert "canary" not in first.text


def test_a_wait_that_ended_in_between_is_another_wait(settings: Settings, tick: Tick, tmp_path: Path) -> None:
    ask(settings, CallClass.DAILY, CALLS + 1)
    tick(0)
    with_budget(settings, lambda turn: rules.withdraw(turn, "a daily process"))
    assert tick(5) == "no daily run waits long"
    ask(settings, CallClass.DAILY)
    tick(6)
    ask(settings, CallClass.DAILY)
    tick(15)
    assert alerts(tmp_path) == []
    ask(settings, CallClass.DAILY)
    tick(16)
    assert len(alerts(tmp_path)) == 1


def test_a_daily_run_that_waits_though_the_longest_window_has_room_is_not_told(
    settings: Settings, tick: Tick, tmp_path: Path
) -> None:
    ask(settings, CallClass.DAILY, CALLS - 1, window=0)
    for minutes in (0, 60):
        ask(settings, CallClass.DAILY, window=0)
        assert tick(minutes) == "no daily run waits long"
    assert alerts(tmp_path) == []


def test_a_backfill_may_wait_as_long_as_it_takes(settings: Settings, tick: Tick, tmp_path: Path) -> None:
    ask(settings, CallClass.BACKFILL, CALLS)
    for minutes in (0, 60, 120):
        ask(settings, CallClass.BACKFILL)
        assert tick(minutes) == "no daily run waits long"
    assert alerts(tmp_path) == []


def test_a_daemon_that_dies_within_a_tick_tells_once(
    daemon: Ticking, minute: dict[str, float], settings: Settings, tick: Tick, tmp_path: Path
) -> None:
    ask(settings, CallClass.DAILY, CALLS + 1)
    tick(0)
    minute["now"] = 10
    ask(settings, CallClass.DAILY)
    daemon.tick_and_die()
    ask(settings, CallClass.DAILY)
    tick(10.5)
    assert len(alerts(tmp_path)) == 1


def test_watching_writes_nothing(tick: Tick, tmp_path: Path) -> None:
    assert tick(0) == "no daily run waits long"
    assert [*tmp_path.iterdir()] == []


def test_a_missing_credential_is_the_reason_of_the_tick(tick: Tick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTIMOVE_API_KEY")
    assert tick(0) == (
        "the budget can't be read: the environment variable OPTIMOVE_API_KEY is not set, but the settings refer to it"
    )
