"""What is left of the budget, for a person to see."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

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
