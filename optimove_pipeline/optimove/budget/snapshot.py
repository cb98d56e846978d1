"""What is left of the budget, for a person to see."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from optimove_pipeline.optimove.budget.rules import LEASE_SECONDS
from optimove_pipeline.optimove.budget.store import Store, Transaction
from optimove_pipeline.optimove.budget.windows import DEFAULT_WINDOWS, CallClass, Window


@dataclass(frozen=True, slots=True)
class WindowUse:
    """One window now: calls used by all processes (``backfill`` of them by backfills) and left to the daily run.

    ``frees_at`` (UTC) is when the oldest of the used calls leaves the window, ``None`` if none is in it.
    """

    window: Window
    used: int
    backfill: int
    left: int
    frees_at: datetime | None


def snapshot(store: Store, client: str, windows: Sequence[Window] = DEFAULT_WINDOWS) -> tuple[WindowUse, ...]:
    """The use of each window at this moment; changes nothing. Blocks, so not for an event loop."""
    with closing(store.open()) as session:
        return session.run(client, lambda turn: tuple(_use(turn, client, window) for window in windows))


def _use(turn: Transaction, client: str, window: Window) -> WindowUse:
    rows = turn.rows(
        "SELECT call_class, at FROM optimove_budget_grants WHERE client = ? AND at > ? ORDER BY at",
        client,
        turn.now - window.seconds,
    )
    backfill = sum(call_class == CallClass.BACKFILL for call_class, _ in rows)
    frees_at = datetime.fromtimestamp(cast(float, rows[0][1]) + window.seconds, UTC) if rows else None
    return WindowUse(window, len(rows), backfill, max(window.calls - len(rows), 0), frees_at)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a forecast starts from: the seconds since each recent call, oldest first, and the calls that wait now."""

    ages: tuple[float, ...] = ()
    waiting: Mapping[CallClass, int] = field(default_factory=dict)


def traffic(store: Store, client: str, seconds: float) -> Traffic:
    """Return the calls of the last ``seconds``, by all processes, and how many calls of each class wait.

    Changes nothing. Blocks, so not for an event loop.
    """
    with closing(store.open()) as session:
        return session.run(client, lambda turn: Traffic(_ages(turn, client, seconds), _waiting(turn, client)))


def _ages(turn: Transaction, client: str, seconds: float) -> tuple[float, ...]:
    rows = turn.rows(
        "SELECT at FROM optimove_budget_grants WHERE client = ? AND at > ? ORDER BY at", client, turn.now - seconds
    )
    return tuple(turn.now - cast(float, at) for (at,) in rows)


def _waiting(turn: Transaction, client: str) -> dict[CallClass, int]:
    rows = turn.rows(
        "SELECT call_class, sum(wanted) FROM optimove_budget_tickets WHERE client = ? AND seen > ?"
        " GROUP BY call_class",
        client,
        turn.now - LEASE_SECONDS,
    )
    return {CallClass(cast(str, call_class)): int(cast(int, wanted)) for call_class, wanted in rows}
