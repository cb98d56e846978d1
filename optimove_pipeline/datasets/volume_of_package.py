"""The check of volume of a data set's package: against what was delivered before, and what a person has approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from optimove_pipeline.approvals import approval
from optimove_pipeline.datasets.volume import Verdict, judge
from optimove_pipeline.ledger import Ledger
from optimove_pipeline.packages import Package

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings


def volume_of(settings: Settings, made: Package, path: Path) -> Verdict:
    """Return whether the package of a day or an hour has as many rows as may be; ``path`` is the ledger's file.

    What a person has approved, with these rows, passes.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    volume = settings.datasets.of(made.feed).volume or settings.datasets.volume
    verdict = judge(made.rows, made.day, _history(path, made.feed, made.day, volume.days_backwards), volume)
    approved = approval(path, made.feed, made.day)
    if not verdict.passed and approved is not None and approved.holds_for(made.rows):
        text = f"{verdict.reason}. Approved by {approved.approved_by}: {approved.reason}"
        return replace(verdict, passed=True, blocks=False, reason=text)
    return verdict


def _history(path: Path, feed: str, day: date, days: int) -> dict[date, int]:
    first = (day.date() if isinstance(day, datetime) else day) - timedelta(days=days)
    return Ledger(path).rows_by_day(feed, first)
