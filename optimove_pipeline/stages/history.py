"""Whether a day's row count is usual, against the days before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

DAYS_BACK = 28
FEWEST_WEEKDAYS = 3
"""So many days of the same weekday make these the measure, rather than all days: campaigns follow the week."""

FEWEST_DAYS = 5
TOLERATED_SPREADS = 4.0
TOLERATED_SHARE = 0.5
"""A day is unusual if it is off the median by more than both: spreads for noisy feeds, a share for steady ones."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the count is usual, and the numbers in one line."""

    usual: bool
    text: str


def judge(day: date, rows: int, history: Sequence[tuple[date, int]]) -> Verdict:
    """Return the verdict on a day's rows by the counts of the 28 days before it; too few days make it usual."""
    before = [(other, count) for other, count in history if day - timedelta(days=DAYS_BACK) <= other < day]
    same_weekday = [count for other, count in before if other.weekday() == day.weekday()]
    by_weekday = len(same_weekday) >= FEWEST_WEEKDAYS
    counts = same_weekday if by_weekday else [count for _, count in before]
    if not by_weekday and len(counts) < FEWEST_DAYS:
        return Verdict(usual=True, text=f"{rows:,} rows, {len(counts)} days to compare with")
    middle = median(counts)
    spread = median(abs(count - middle) for count in counts)
    off = abs(rows - middle)
    usual = off <= TOLERATED_SPREADS * spread or off <= TOLERATED_SHARE * middle
    which = f"{len(counts)} {day:%A}s" if by_weekday else f"{len(counts)} days"
    return Verdict(usual, f"{rows:,} rows; the last {which} had {middle:,.0f} in the middle, ± {spread:,.0f}")
