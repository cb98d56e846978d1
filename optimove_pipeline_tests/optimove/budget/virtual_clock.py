"""Time that passes only when a budget sleeps or a test says so."""

import asyncio

from optimove_pipeline.optimove.budget import Clock

START = 1_800_000_000.0


class VirtualClock:
    """A wall clock that may be set back, and a monotonic one that may not."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._wall = START
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> float:
        return self._wall + self._passed

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds
        for wakes_at, sleeper in self._sleepers:
            if wakes_at <= self._passed and not sleeper.done():
                sleeper.set_result(None)

    def set_back(self, seconds: float) -> None:
        self._wall -= seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    def for_budget(self) -> Clock:
        return Clock(self.now, self.monotonic, self.sleep)

    def that_waits(self) -> Clock:
        """A clock whose sleepers wake only when the test advances the time far enough."""
        return Clock(self.now, self.monotonic, self._sleep_until_advanced)

    async def asleep(self, sleepers: int) -> None:
        """Wait until so many sleep."""
        while len(self._sleepers) < sleepers:
            self._fell_asleep.clear()
            await self._fell_asleep.wait()

    async def _sleep_until_advanced(self, seconds: float) -> None:
        sleeper = (self._passed + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        self._fell_asleep.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)
