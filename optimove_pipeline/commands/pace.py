"""How fast calls may go by today's budget: the limits of the settings, and what is in their windows already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimove_pipeline.config import Settings
from optimove_pipeline.optimove.budget import (
    CallClass,
    FileStore,
    Forecast,
    Limit,
    Traffic,
    Window,
    forecast,
    limits_of,
    traffic,
)
from optimove_pipeline.session import api_options, budget_store, client_of, windows


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits that a class of calls obeys, each with its window, and the calls that are in the windows now."""

    call_class: CallClass
    limits: tuple[tuple[Window, Limit], ...]
    traffic: Traffic

    def forecast(self, calls: int) -> Forecast:
        """Return when the last of so many calls may be made, if nobody else makes any."""
        return forecast(calls, [limit for _, limit in self.limits], self.traffic.ages)

    def used(self, window: Window) -> int:
        """Return how many calls of a window are used."""
        return sum(age < window.seconds for age in self.traffic.ages)

    def window_of(self, limit: Limit) -> Window:
        """Return the window that a limit comes from."""
        return next(window for window, other in self.limits if other == limit)


def pace_of(settings: Settings, call_class: CallClass) -> Pace:
    """Return the pace of a class of calls at this moment. Begins no budget that is not there.

    Raises:
        SettingsError: a setting can't work, or the budget's database can't be reached.
        BusyError: the budget is locked by another process for too long.
    """
    limits = windows(settings)
    budget = settings.budget
    obeyed = limits_of(limits, call_class, reserve=budget.backfill_reserve, guard=budget.guard_seconds)
    return Pace(call_class, tuple(zip(limits, obeyed, strict=True)), _traffic(settings, limits))


def _traffic(settings: Settings, limits: Sequence[Window]) -> Traffic:
    options = api_options(settings)
    store = budget_store(settings, options)
    if isinstance(store, FileStore) and not store.path.exists():
        return Traffic()
    return traffic(store, client_of(options), max(limit.seconds for limit in limits))
