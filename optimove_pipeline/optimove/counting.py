"""Every HTTP call is counted: it waits for a grant of the budget, stamps it when it is sent, and is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from optimove_pipeline.optimove.budget import Budget, Clock, Grant
from optimove_pipeline.optimove.calls import Call, CallRecord

NOT_ANSWERED = "unanswered"
"""The outcome of a call that ended before anything else could be told of it, such as one that was cancelled."""

_SENDING = "http11.send_request_headers.started"


@dataclass(slots=True)
class CountedCall:
    """One HTTP call on its way, with what is known of it so far.

    Times are readings of the monotonic clock.
    """

    call: Call
    query: str
    attempt: int
    clock: Clock
    grant: Grant
    waited_seconds: float
    granted: float
    at: datetime
    sent: float | None = None
    ended: float | None = None
    status: int | None = None
    rows: int | None = None
    outcome: str = NOT_ANSWERED

    @property
    def extensions(self) -> dict[str, Any]:
        """Return what makes httpx tell this object when the request is sent."""
        return {"trace": self.trace}

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Stamp the grant when the request's first byte is about to leave on an open connection.

        A proxy's CONNECT is no call to the API.
        """
        if event == _SENDING and info["request"].method != b"CONNECT":
            await self.grant.stamp()
            self.sent, self.at = self.clock.monotonic(), datetime.now(UTC)

    def end(self) -> None:
        """Note that the answer's last byte has arrived."""
        self.ended = self.clock.monotonic()

    def record(self) -> CallRecord:
        """Return what is remembered of the call."""
        began = self.sent if self.sent is not None else self.granted
        ended = self.ended if self.ended is not None else self.clock.monotonic()
        return CallRecord(
            report=self.call.report,
            day=self.call.day,
            function=self.call.function,
            parameters=self.query,
            status=self.status,
            rows=self.rows,
            milliseconds=(ended - began) * 1000,
            waited_seconds=self.waited_seconds,
            attempt=self.attempt,
            at=self.at,
            outcome=self.outcome,
        )


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the calls of one client on its budget, and hands each one's record to ``record``."""

    budget: Budget
    record: Callable[[CallRecord], None]
    clock: Clock

    @asynccontextmanager
    async def counted(self, call: Call, query: str, attempt: int) -> AsyncIterator[CountedCall]:
        """Wait for a grant and yield the call that it allows; record the call when the block ends.

        The grant is given back where no byte was sent; a call that was sent stays counted, whatever came of it.
        """
        asked = self.clock.monotonic()
        grant = await self.budget.acquire()
        granted = self.clock.monotonic()
        counted = CountedCall(call, query, attempt, self.clock, grant, granted - asked, granted, datetime.now(UTC))
        try:
            yield counted
        finally:
            if counted.sent is not None or counted.outcome != NOT_ANSWERED:
                self.record(counted.record())
            await grant.release()
