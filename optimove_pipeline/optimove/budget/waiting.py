"""What a budget object knows of its waits, and how it tells them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from optimove_pipeline.optimove.budget.windows import CallClass

_log = logging.getLogger(__name__)

_LONG_SECONDS = 3.0
_TELL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one budget object has had: calls granted, calls waiting now, the seconds during which any waited.

    ``expected_at`` (UTC) is when the next call is expected, ``None`` if none waits.
    """

    granted: int
    waiting: int
    waited_seconds: float
    expected_at: datetime | None


@dataclass(slots=True)
class Waits:
    """The account of one budget object's waits. ``now`` is epoch seconds, ``monotonic`` measures lengths."""

    call_class: CallClass
    now: Callable[[], float]
    monotonic: Callable[[], float]
    granted: int = 0
    waiting: int = 0
    _waited: float = 0.0
    _since: float | None = None
    _expected: float | None = None
    _told: float | None = None

    def expect(self, seconds: float) -> None:
        """The first in line waits, and is expected to go on in ``seconds``; a long wait is told each minute."""
        instant = self.monotonic()
        self._since = instant if self._since is None else self._since
        self._expected = self.now() + seconds
        due = self._told is None or instant - self._told >= _TELL_SECONDS
        if due and max(seconds, instant - self._since) > _LONG_SECONDS:
            self._told = instant
            self._tell(instant - self._since)

    def end(self) -> None:
        """The first in line waits no more."""
        self._waited += self._current()
        self._since = self._expected = None

    def usage(self) -> Usage:
        """The account as of now."""
        expected = None if self._expected is None else datetime.fromtimestamp(self._expected, UTC)
        return Usage(self.granted, self.waiting, self._waited + self._current(), expected)

    def _current(self) -> float:
        return 0.0 if self._since is None else self.monotonic() - self._since

    def _tell(self, current: float) -> None:
        usage = self.usage()
        _log.info(
            "the budget of calls is spent for now: %d %s calls wait in this process, the first for %.0f s"
            " (%.0f s in all so far); the next call is expected at %s UTC",
            usage.waiting,
            self.call_class.value,
            current,
            usage.waited_seconds,
            f"{usage.expected_at:%Y-%m-%d %H:%M:%S}",
        )
