"""The budget as a process holds it: calls wait here for their grant, and stamp it when they are sent."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from optimove_pipeline.optimove.budget import rules
from optimove_pipeline.optimove.budget.store import Session, Store, Transaction
from optimove_pipeline.optimove.budget.waiting import Usage, Waits
from optimove_pipeline.optimove.budget.windows import DEFAULT_WINDOWS, CallClass, Window, limits_of

T = TypeVar("T")

_SHORTEST_SLEEP = 0.001


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes: ``now`` in epoch seconds, ``monotonic`` seconds for lengths, and an async sleep."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def open_budget(
    store: Store,
    client: str,
    *,
    windows: Sequence[Window] = DEFAULT_WINDOWS,
    call_class: CallClass = CallClass.DAILY,
    reserve: float = 0.2,
    guard: float = 0.1,
    clock: Clock | None = None,
) -> "Budget":
    """The budget of ``client`` (see ``client_id``) for calls of one class; close it with ``aclose``.

    ``reserve`` is the share of each window that backfills leave free. ``guard``, in seconds, lengthens each window by
    the most that a call's way to the server may vary. ``SettingsError`` for values out of range; the store is opened
    by the first call, and raises its own then. All processes of a client should use the same windows.
    """
    limits = limits_of(windows, call_class, reserve=reserve, guard=guard)
    return Budget(store, rules.Asker(client, uuid.uuid4().hex, call_class, limits), guard, clock or Clock())


class Budget:
    """The calls of one process (one event loop) on the shared budget, first come first served within it."""

    def __init__(self, store: Store, asker: rules.Asker, guard: float, clock: Clock) -> None:
        self._store = store
        self._asker = asker
        self._guard = guard
        self._clock = clock
        self._session: Session | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="optimove-budget")
        self._first_in_line = asyncio.Lock()
        self._waits = Waits(asker.call_class, clock.now, clock.monotonic)

    @property
    def usage(self) -> Usage:
        """What this object has had so far, for logs and metadata."""
        return self._waits.usage()

    async def acquire(self) -> "Grant":
        """Wait until a call may be made. ``BusyError`` or ``SettingsError`` if the store can't be used.

        When it is cancelled, the calls behind it keep their place, and a grant that it no longer needs is given back.
        """
        return Grant(self, await self._acquire())

    async def aclose(self) -> None:
        """Give up the place in the queue and let go of the store; nobody may be waiting any more."""
        try:
            await self._withdraw()
        finally:
            if self._session is not None:
                await asyncio.get_running_loop().run_in_executor(self._worker, self._session.close)
            self._worker.shutdown()

    async def _acquire(self) -> "_Granted":
        self._waits.waiting += 1
        try:
            async with self._first_in_line:
                return await self._wait_for_grant()
        except asyncio.CancelledError:
            if self._waits.waiting == 1:
                await self._withdraw()
            raise
        finally:
            self._waits.waiting -= 1

    async def _withdraw(self) -> None:
        if self._session is not None:
            await self._transact(lambda turn: rules.withdraw(turn, self._asker.owner))

    async def _wait_for_grant(self) -> "_Granted":
        asked_at = self._clock.monotonic()
        try:
            while isinstance(answer := await self._ask(), rules.Later):
                self._waits.expect(answer.expected)
                await self._clock.sleep(max(answer.again, _SHORTEST_SLEEP))
                asked_at = self._clock.monotonic()
        finally:
            self._waits.end()
        self._waits.granted += 1
        return _Granted(answer.grant_id, asked_at)

    async def _ask(self) -> rules.Granted | rules.Later:
        others = self._waits.waiting - 1
        asking = self._transact(lambda turn: rules.ask(turn, self._asker, others))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            if isinstance(answer := await asking, rules.Granted):
                await self._transact(lambda turn: rules.give_back(turn, answer.grant_id))
            raise

    async def _stamp(self, granted: "_Granted") -> bool:
        """Stamp until the stamp is fresh: a slow store or a busy loop makes it old before the call can leave."""
        lead = 0.0
        while True:
            age = self._clock.monotonic() - granted.asked_at
            stamped = await self._transact(
                partial(rules.stamp, asker=self._asker, grant_id=granted.grant_id, lead=lead, age=age)
            )
            late = time.monotonic() - stamped.read_at
            if not stamped.counts or late <= lead + self._guard / 2:
                return stamped.counts
            lead = 2 * late

    async def _give_back(self, grant_id: str) -> None:
        await self._transact(lambda turn: rules.give_back(turn, grant_id))
        self._waits.granted -= 1

    def _transact(self, work: Callable[[Transaction], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._worker, self._run, work)

    def _run(self, work: Callable[[Transaction], T]) -> T:
        if self._session is None:
            self._session = self._store.open()
        return self._session.run(self._asker.client, work)


@dataclass(frozen=True, slots=True)
class _Granted:
    grant_id: str
    asked_at: float


class Grant:
    """The right to make one call."""

    def __init__(self, budget: Budget, granted: _Granted) -> None:
        self._budget = budget
        self._granted = granted
        self._stamped = False

    async def stamp(self) -> None:
        """Count the call as made now; to be awaited right before its first byte is written.

        Waits for a new grant if this one has grown too old, or has been stamped before: whoever sends again (after a
        redirect, say) makes another call.
        """
        if self._stamped:
            await self._renew()
        while not await self._budget._stamp(self._granted):
            await self._budget._give_back(self._granted.grant_id)
            await self._renew()
        self._stamped = True

    async def release(self) -> None:
        """Give the call back if it was not stamped, hence not made; a stamped one is spent, and stays so."""
        if not self._stamped:
            self._stamped = True
            await self._budget._give_back(self._granted.grant_id)

    async def _renew(self) -> None:
        self._granted = await self._budget._acquire()
        self._stamped = False
