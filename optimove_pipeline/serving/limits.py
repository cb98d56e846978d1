"""Limits of requests: so many a minute for each client, and so many pages at once for all together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from optimove_pipeline.serving.access import Client
from optimove_pipeline.serving.problems import Problem

_MINUTE = 60.0


@dataclass(slots=True)
class RequestLimit:
    """The requests of the last minute, by client, in this process."""

    clock: Callable[[], float] = monotonic
    taken: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, client: Client) -> None:
        """Count a request.

        Raises:
            Problem: 429: the client has made as many as it may; ``Retry-After`` tells when it may again.
        """
        now, times = self.clock(), self.taken.setdefault(client.name, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= client.requests_per_minute:
            detail = f"{client.requests_per_minute} requests a minute are allowed: wait as Retry-After tells"
            wait = max(1, ceil(times[0] + _MINUTE - now))
            raise Problem(429, "too_many_requests", detail, {"Retry-After": str(wait)})
        times.append(now)


@dataclass(slots=True)
class PageLimit:
    """The pages that are being made or sent."""

    most: int
    under_way: int = 0

    def take(self) -> None:
        """Count a page until ``give_back``.

        Raises:
            Problem: 429: as many are under way as may be.
        """
        if self.under_way >= self.most:
            detail = f"{self.most} pages at once are allowed: ask again when one has come"
            raise Problem(429, "too_many_pages", detail, {"Retry-After": "1"})
        self.under_way += 1

    def give_back(self) -> None:
        """Count a page no more."""
        self.under_way -= 1
