"""Where a command's runs stand, in words."""

from __future__ import annotations

from datetime import datetime

from optimove_pipeline.commands.account import Account
from optimove_pipeline.commands.durations import told


def standing(account: Account, seconds_left: float | None, waits_until: datetime | None) -> list[str]:
    """Return where things stand: the step under way, all that was done, and until when (UTC) the budget holds it up.

    ``seconds_left`` is None where it is not known.
    """
    lines = []
    if account.active is not None:
        lines.append(f"{'/'.join(account.active.step)}{_calls(account.active.calls, account.active.rows)}")
    lines.append(", ".join((*_done(account), _time(account.seconds, seconds_left))))
    if waits_until is not None:
        lines.append(f"waiting for the budget, the next call is expected at {waits_until:%Y-%m-%d %H:%M:%S} UTC")
    return lines


def _calls(calls: int, rows: int) -> str:
    return f": {calls:,} calls, {rows:,} rows" if calls else ""


def _done(account: Account) -> tuple[str, ...]:
    reports, of_reports = account.reports_of_run
    run = f"run {max(account.run, 1)} of {len(account.expected)}: " if len(account.expected) > 1 else ""
    return (
        f"{run}{reports} of {of_reports} reports",
        f"{account.days:,} of {account.days_in_all:,} days",
        f"{account.calls:,} of about {account.calls + account.calls_left:,} calls",
        f"{account.rows:,} rows",
    )


def _time(gone: float, left: float | None) -> str:
    return f"{told(gone)} gone" + ("" if left is None else f", about {told(left)} left")
