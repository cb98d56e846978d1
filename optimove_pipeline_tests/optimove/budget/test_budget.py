"""One process and its budget, on a clock of the test's."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.budget import (
    DEFAULT_WINDOWS,
    Budget,
    CallClass,
    FileStore,
    Window,
    client_id,
    open_budget,
    snapshot,
)
from optimove_pipeline_tests.optimove.budget.scene import GUARD, Scene, run, spend
from optimove_pipeline_tests.optimove.budget.virtual_clock import START


def test_calls_within_the_windows_do_not_wait(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(Window(5, 10.0), Window(8, 60.0)) as budget:
            await spend(budget, 5)
            assert budget.usage.waited_seconds == 0.0
            assert budget.usage.granted == 5

    run(test())


def test_the_call_after_the_last_waits_for_the_window_and_the_guard(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(Window(5, 10.0), Window(8, 60.0)) as budget:
            await spend(budget, 6)
            assert scene.clock.now() == pytest.approx(START + 10.0 + GUARD, abs=0.01)
            await spend(budget, 3)
            assert scene.clock.now() == pytest.approx(START + 60.0 + GUARD, abs=0.01)

    run(test())


def test_by_default_both_of_optimoves_limits_hold(scene: Scene) -> None:
    assert (Window(50, 10.0), Window(2000, 3600.0)) == DEFAULT_WINDOWS

    async def test() -> None:
        async with scene.budget(*DEFAULT_WINDOWS) as budget:
            await spend(budget, 51)
            assert scene.clock.now() == pytest.approx(START + 10.0 + GUARD, abs=0.01)

    run(test())


def test_usage_tells_granted_calls_waited_seconds_and_the_next_call(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(Window(2, 30.0), clock=scene.clock.that_waits()) as budget:
            await spend(budget, 2)
            third, fourth = (asyncio.create_task(budget.acquire()) for _ in range(2))
            await scene.clock.asleep(1)
            scene.clock.advance(12.0)
            await scene.clock.asleep(1)
            usage = budget.usage
            assert (usage.granted, usage.waiting) == (2, 2)
            assert usage.waited_seconds == pytest.approx(12.0)
            assert usage.expected_at is not None
            assert usage.expected_at.timestamp() == pytest.approx(START + 30.0 + GUARD, abs=0.01)
            for task in (third, fourth):
                task.cancel()
            await asyncio.wait([third, fourth])
            assert (budget.usage.waiting, budget.usage.expected_at) == (0, None)

    run(test())


def test_a_long_wait_is_told_at_its_start_and_each_minute(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test() -> None:
        async with scene.budget(Window(1, 200.0), call_class=CallClass.BACKFILL, reserve=0.0) as budget:
            await spend(budget, 2)
            assert budget.usage.waited_seconds == pytest.approx(200.0 + GUARD, abs=0.01)

    run(test())
    expected = datetime.fromtimestamp(START + 200.0 + GUARD, UTC)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 4
    assert all(f"expected at {expected:%Y-%m-%d %H:%M:%S} UTC" in message for message in messages)
    assert "1 backfill calls wait in this process, the first for 0 s" in messages[0]
    assert [_waited_in(message) for message in messages] == ["0 s", "60 s", "120 s", "180 s"]


def _waited_in(message: str) -> str:
    return message.partition("the first for ")[2].partition(" (")[0]


def test_a_short_wait_is_not_told(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test() -> None:
        async with scene.budget(Window(1, 2.0)) as budget:
            await spend(budget, 20)

    run(test())
    assert caplog.messages == []


def test_calls_of_one_process_are_served_in_order(scene: Scene) -> None:
    async def test() -> list[int]:
        served: list[int] = []

        async def call(number: int, budget: Budget) -> None:
            await (await budget.acquire()).stamp()
            served.append(number)

        async with scene.budget(Window(1, 5.0)) as budget:
            await asyncio.gather(*(call(number, budget) for number in range(5)))
        return served

    assert run(test()) == [0, 1, 2, 3, 4]


def test_a_backfill_leaves_the_daily_run_its_share_at_once(scene: Scene) -> None:
    window = Window(50, 3600.0)

    async def test() -> None:
        async with (
            scene.budget(window, call_class=CallClass.BACKFILL, clock=scene.clock.that_waits()) as backfill,
            scene.budget(window) as daily,
        ):
            spending = asyncio.create_task(spend(backfill, 50))
            await scene.clock.asleep(1)
            assert backfill.usage.granted == 40
            await spend(daily, 10)
            assert daily.usage.waited_seconds == 0.0
            spending.cancel()
            await asyncio.wait([spending])

    run(test())
    use = snapshot(scene.store, "client", [window])[0]
    assert (use.used, use.backfill, use.left) == (50, 40, 0)


def test_the_daily_run_goes_before_a_backfill_that_waits_longer(scene: Scene) -> None:
    window = Window(10, 1.5)

    async def test() -> None:
        waits = scene.clock.that_waits()
        async with (
            scene.budget(window, clock=waits) as daily,
            scene.budget(window, call_class=CallClass.BACKFILL, clock=waits) as backfill,
        ):
            await spend(daily, 10)
            backfilling = [asyncio.create_task(spend(backfill, 1)) for _ in range(10)]
            await scene.clock.asleep(1)
            running = [asyncio.create_task(spend(daily, 1)) for _ in range(10)]
            await scene.clock.asleep(2)
            scene.clock.advance(1.5 + GUARD)
            await asyncio.gather(*running)
            await scene.clock.asleep(1)
            assert (daily.usage.granted, backfill.usage.granted) == (20, 0)
            for task in backfilling:
                task.cancel()
            await asyncio.wait(backfilling)

    run(test())


def test_a_clock_set_back_exceeds_nothing_and_waits_at_most_one_window(scene: Scene) -> None:
    async def test() -> float:
        async with scene.budget(Window(3, 10.0)) as budget:
            await spend(budget, 3)
            scene.clock.set_back(3600.0)
            before = scene.clock.monotonic()
            await spend(budget, 1)
            return scene.clock.monotonic() - before

    assert 10.0 + GUARD <= run(test()) + 0.001 <= 10.0 + GUARD + 5.1


def test_snapshot_tells_what_is_used_and_when_it_frees(scene: Scene) -> None:
    short, long = Window(5, 10.0), Window(100, 3600.0)

    async def test() -> None:
        async with scene.budget(short, long) as budget:
            await spend(budget, 3)
            scene.clock.advance(60.0)
            await spend(budget, 2)

    run(test())
    first, second = snapshot(scene.store, "client", [short, long])
    assert (first.used, first.left, first.frees_at) == (2, 3, _utc(START + 70.0))
    assert (second.used, second.left, second.frees_at) == (5, 95, _utc(START + 3600.0))
    assert snapshot(scene.store, "somebody else", [short])[0].frees_at is None


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda store: Window(0, 10.0), "calls is 0"),
        (lambda store: Window(5, 0.0), "seconds is 0"),
        (lambda store: Window(5, float("inf")), "seconds is inf"),
        (lambda store: open_budget(store, "client", windows=[]), "windows: the list is empty"),
        (lambda store: open_budget(store, "client", reserve=1.0), "reserve is 1.0"),
        (lambda store: open_budget(store, "client", reserve=-0.1), "reserve is -0.1"),
        (lambda store: open_budget(store, "client", guard=-1.0), "guard is -1"),
        (
            lambda store: open_budget(store, "client", windows=[Window(1, 9.0)], call_class=CallClass.BACKFILL),
            "leaves a backfill none of 1 calls in 9 s",
        ),
    ],
)
def test_a_setting_out_of_range_is_named(make: Callable[[FileStore], object], expected: str, scene: Scene) -> None:
    with pytest.raises(SettingsError, match=expected):
        make(scene.store)
    assert not scene.store.path.exists()


def test_a_client_id_tells_clients_apart_without_the_key() -> None:
    one = client_id("https://api5.optimove.net/current", "key-one")
    assert one == client_id("https://api5.optimove.net/current/", "key-one")
    assert one != client_id("https://api5.optimove.net/current", "key-two")
    assert one != client_id("https://api6.optimove.net/current", "key-one")
    assert len(one) == 16
    assert "key" not in one
