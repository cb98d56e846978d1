"""The server's own rate limits, and the record of what arrived when (reference, section 1.3)."""

from array import array
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

Window = tuple[int, float]


class Limits:
    """Sliding windows over the calls let through; every arrival is remembered, refused ones too."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = tuple(windows)
        self._admitted: deque[float] = deque(maxlen=max((calls for calls, _ in self._windows), default=0))
        self._arrivals = array("d")
        self._refused = [0] * len(self._windows)

    def arrive(self) -> float:
        """Record an arrival; gives the seconds to wait before a window has room, 0.0 if it is let through."""
        now = monotonic()
        self._arrivals.append(now)
        waits = [self._wait(window, now) for window in self._windows]
        for number, wait in enumerate(waits):
            self._refused[number] += wait > 0
        if not any(waits):
            self._admitted.append(now)
        return max(waits, default=0.0)

    def summary(self) -> list[dict[str, Any]]:
        """For each window its size, the most arrivals seen in any such time, and the calls it refused."""
        return [
            {"calls": calls, "seconds": seconds, "most": most_within(self._arrivals, seconds), "refused": refused}
            for (calls, seconds), refused in zip(self._windows, self._refused, strict=True)
        ]

    def _wait(self, window: Window, now: float) -> float:
        calls, seconds = window
        if len(self._admitted) < calls:
            return 0.0
        return max(0.0, self._admitted[-calls] + seconds - now)


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most of some rising times that lie in one half-open span of this length."""
    most, first = 0, 0
    for number, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        most = max(most, number - first + 1)
    return most
