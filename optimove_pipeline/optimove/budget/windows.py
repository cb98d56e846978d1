"""The rate limits as sliding windows, and what each class of calls may take of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from optimove_pipeline.errors import SettingsError


class CallClass(StrEnum):
    """Who asks: the daily run goes first, a backfill leaves a share of every window to it."""

    DAILY = "daily"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``calls`` calls in any ``seconds`` seconds; ``SettingsError`` unless both are above zero."""

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        if self.calls < 1:
            raise SettingsError(f"budget window: calls is {self.calls}; expected a whole number above 0")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise SettingsError(f"budget window: seconds is {self.seconds}; expected a number above 0")


DEFAULT_WINDOWS = (Window(50, 10.0), Window(2000, 3600.0))
"""Both limits that Optimove documents (reference, section 1.3)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A window as one class meets it: at most ``calls`` calls of all classes in any ``seconds``, guard included."""

    calls: int
    seconds: float


def limits_of(windows: Sequence[Window], call_class: CallClass, *, reserve: float, guard: float) -> tuple[Limit, ...]:
    """The limits that ``call_class`` obeys; ``SettingsError`` names the setting that is out of range."""
    _check(windows, reserve, guard)
    share = 1.0 - reserve if call_class is CallClass.BACKFILL else 1.0
    return tuple(_limit(window, share, guard) for window in windows)


def _check(windows: Sequence[Window], reserve: float, guard: float) -> None:
    if not windows:
        raise SettingsError("budget windows: the list is empty; expected at least one window")
    if not 0.0 <= reserve < 1.0:
        raise SettingsError(f"budget reserve is {reserve}; expected a share from 0 up to, but not, 1")
    if not (math.isfinite(guard) and guard >= 0.0):
        raise SettingsError(f"budget guard is {guard}; expected seconds, 0 or more")


def _limit(window: Window, share: float, guard: float) -> Limit:
    calls = math.floor(round(window.calls * share, 9))
    if calls < 1:
        raise SettingsError(
            f"budget reserve leaves a backfill none of {window.calls} calls in {window.seconds:g} s; "
            "expected at least one: lower the reserve"
        )
    return Limit(calls, window.seconds + guard)
