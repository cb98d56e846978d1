"""A budget, or several, on one file and one virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from optimove_pipeline.optimove.budget import Budget, CallClass, Clock, FileStore, Window, open_budget, snapshot
from optimove_pipeline_tests.optimove.budget.virtual_clock import VirtualClock

T = TypeVar("T")
GUARD = 0.1


class Scene:
    """A store and a clock, and budgets on them."""

    def __init__(self, file: Path) -> None:
        self.clock = VirtualClock()
        self.store = FileStore(file, self.clock.now)

    @asynccontextmanager
    async def budget(
        self,
        *windows: Window,
        call_class: CallClass = CallClass.DAILY,
        clock: Clock | None = None,
        reserve: float = 0.2,
    ) -> AsyncIterator[Budget]:
        budget = open_budget(
            self.store,
            "client",
            windows=windows,
            call_class=call_class,
            reserve=reserve,
            guard=GUARD,
            clock=clock or self.clock.for_budget(),
        )
        try:
            yield budget
        finally:
            await budget.aclose()

    def used(self, window: Window) -> int:
        return snapshot(self.store, "client", [window])[0].used


async def spend(budget: Budget, calls: int) -> None:
    for _ in range(calls):
        await (await budget.acquire()).stamp()


def run(test: Coroutine[object, object, T]) -> T:
    return asyncio.run(asyncio.wait_for(test, 20.0))
