"""The life of a grant: cancelled, aged, stamped, stamped twice, given back."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from optimove_pipeline.optimove.budget import FileStore, Window, open_budget, snapshot
from optimove_pipeline.optimove.budget.store import Session, Transaction
from optimove_pipeline_tests.optimove.budget.scene import GUARD, Scene, run, spend
from optimove_pipeline_tests.optimove.budget.virtual_clock import START

T = TypeVar("T")
HOUR = (Window(2000, 3600.0),)


def test_a_cancelled_call_leaves_its_turn_to_the_next(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(Window(1, 60.0)) as budget:
            await spend(budget, 1)
            first, second = (asyncio.create_task(budget.acquire()) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            await second
            assert first.cancelled()
            assert scene.clock.now() == pytest.approx(START + 60.0 + GUARD, abs=0.01)

    run(test())


def test_a_cancelled_call_holds_nobody_up(scene: Scene) -> None:
    window = Window(1, 3.0)

    async def test() -> None:
        waits = scene.clock.that_waits()
        async with scene.budget(window, clock=waits) as first, scene.budget(window) as second:
            await spend(first, 1)
            waiting = asyncio.create_task(first.acquire())
            await scene.clock.asleep(1)
            waiting.cancel()
            await asyncio.wait([waiting])
            scene.clock.advance(3.0 + GUARD)
            await spend(second, 1)
            assert second.usage.waited_seconds == 0.0

    run(test())


def test_a_grant_that_comes_after_the_cancellation_is_given_back(scene: Scene) -> None:
    async def test() -> None:
        turn = HeldTurn(scene.store)
        budget = open_budget(turn, "client", windows=HOUR)
        task = asyncio.create_task(budget.acquire())
        await asyncio.to_thread(turn.entered.wait)
        task.cancel()
        await asyncio.sleep(0)
        turn.released.set()
        await asyncio.wait([task])
        assert task.cancelled()
        await budget.aclose()

    run(test())
    assert scene.used(HOUR[0]) == 0


def test_a_grant_that_grew_too_old_is_renewed_before_the_call(scene: Scene) -> None:
    window = Window(2, 10.0)

    async def test() -> None:
        async with scene.budget(window) as slow, scene.budget(window) as quick:
            old = await slow.acquire()
            scene.clock.advance(10.0 + GUARD)
            await spend(quick, 2)
            await old.stamp()
            assert slow.usage.waited_seconds == pytest.approx(10.0 + GUARD, abs=0.01)
            assert slow.usage.granted == 1

    run(test())


def test_a_grant_counts_from_its_stamp(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(Window(1, 10.0)) as budget:
            grant = await budget.acquire()
            scene.clock.advance(8.0)
            await grant.stamp()
            await spend(budget, 1)
            assert scene.clock.now() == pytest.approx(START + 18.0 + GUARD, abs=0.01)

    run(test())


def test_a_second_stamp_is_a_second_call(scene: Scene) -> None:
    async def test() -> None:
        async with scene.budget(*HOUR) as budget:
            grant = await budget.acquire()
            await grant.stamp()
            await grant.stamp()
            assert budget.usage.granted == 2

    run(test())
    assert scene.used(HOUR[0]) == 2


@pytest.mark.parametrize(("stamped", "left"), [(False, 0), (True, 1)])
def test_only_a_call_that_was_not_made_is_given_back(scene: Scene, *, stamped: bool, left: int) -> None:
    async def test() -> None:
        async with scene.budget(*HOUR) as budget:
            grant = await budget.acquire()
            if stamped:
                await grant.stamp()
            await grant.release()
            await grant.release()
            assert budget.usage.granted == left

    run(test())
    assert scene.used(HOUR[0]) == left


def test_with_a_slow_store_a_stamp_is_never_older_than_the_call(tmp_path: Path) -> None:
    store = SlowStore(FileStore(tmp_path / "budget.sqlite"), 0.2)

    async def test() -> float:
        budget = open_budget(store, "client", windows=HOUR, guard=GUARD)
        await (await budget.acquire()).stamp()
        sent_at = time.time()
        await budget.aclose()
        return sent_at

    sent_at = run(test())
    frees_at = snapshot(store, "client", HOUR)[0].frees_at
    assert frees_at is not None
    assert frees_at.timestamp() - HOUR[0].seconds >= sent_at - GUARD / 2


def test_a_grant_too_old_is_renewed_though_the_clock_was_set_back(scene: Scene) -> None:
    window = Window(2, 10.0)

    async def test() -> None:
        async with scene.budget(window) as slow, scene.budget(window) as quick:
            old = await slow.acquire()
            scene.clock.advance(15.0)
            await spend(quick, 2)
            scene.clock.set_back(12.0)
            await old.stamp()
            assert slow.usage.waited_seconds >= 10.0

    run(test())


def test_a_grant_that_others_no_longer_counted_is_renewed(scene: Scene) -> None:
    window = Window(2, 10.0)

    async def test() -> None:
        async with scene.budget(window) as slow, scene.budget(window) as quick:
            old = await slow.acquire()
            scene.clock.set_back(-15.0)
            await spend(quick, 2)
            await old.stamp()
            assert slow.usage.waited_seconds == pytest.approx(10.0 + GUARD, abs=0.01)

    run(test())


class HeldTurn:
    """A store whose first turn is had, but does not end before the test lets it."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self.entered, self.released = threading.Event(), threading.Event()

    def open(self) -> Session:
        return _ChangedSession(self._store.open(), self._hold)

    def _hold(self) -> None:
        self.entered.set()
        assert self.released.wait(10)


class SlowStore:
    """A store whose answers are ``seconds`` old when they arrive."""

    def __init__(self, store: FileStore, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    def open(self) -> Session:
        return _ChangedSession(self._store.open(), lambda: time.sleep(self._seconds))


class _ChangedSession:
    def __init__(self, session: Session, afterwards: Callable[[], None]) -> None:
        self._session = session
        self._afterwards = afterwards

    def run(self, client: str, work: Callable[[Transaction], T]) -> T:
        result = self._session.run(client, work)
        self._afterwards()
        return result

    def close(self) -> None:
        self._session.close()
