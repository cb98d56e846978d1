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
_MOST_FAILURES = 10


@dataclass(slots=True)
class LastMinute:
    """What was counted within the last minute, by name, those counted last at the end."""

    clock: Callable[[], float] = monotonic
    counted: dict[str, deque[float]] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """Count one; names of which nothing was counted for a minute are forgotten."""
        now = self.clock()
        self.counted[name] = self.counted.pop(name, deque())
        self.counted[name].append(now)
        while not (times := self.counted[oldest := next(iter(self.counted))]) or times[-1] <= now - _MINUTE:
            del self.counted[oldest]

    def seconds_until(self, name: str, most: int) -> int:
        """Return the whole seconds until fewer than ``most`` are counted; 0 if that is so."""
        now, times = self.clock(), self.counted.get(name, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        return 0 if len(times) < most else max(1, ceil(times[-most] + _MINUTE - now))


@dataclass(slots=True)
class RequestLimit:
    """The requests of each client, in this process."""

    recent: LastMinute = field(default_factory=LastMinute)

    def take(self, client: Client) -> None:
        """Count a request.

        Raises:
            Problem: 429: the client has made as many as it may; ``Retry-After`` tells when it may again.
        """
        if wait := self.recent.seconds_until(client.name, client.requests_per_minute):
            detail = f"{client.requests_per_minute} requests a minute are allowed: wait as Retry-After tells"
            raise Problem(429, "too_many_requests", detail, {"Retry-After": str(wait)})
        self.recent.count(client.name)


@dataclass(slots=True)
class LoginLimit:
    """The logins of each address that failed, in this process."""

    failed: LastMinute = field(default_factory=LastMinute)

    def check(self, address: str) -> None:
        """Let an address try.

        Raises:
            Problem: 429: it has failed too often; ``Retry-After`` tells when it may try again.
        """
        if wait := self.failed.seconds_until(address, _MOST_FAILURES):
            detail = f"{_MOST_FAILURES} wrong credentials came from this address: wait as Retry-After tells"
            raise Problem(429, "too_many_failures", detail, {"Retry-After": str(wait)})

    def failure(self, address: str) -> None:
        """Count a login that failed."""
        self.failed.count(address)


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
