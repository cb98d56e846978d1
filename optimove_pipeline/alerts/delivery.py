"""Delivery: what lies in the outbox is sent over every channel, and what a channel has taken is not sent there again.

An alert is meant for the channels that the settings name when it is first seen here: a channel added later is not
flooded with what is long over. A process killed between sending and noting it sends the alert once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.channels import LOG, Send
from optimove_pipeline.alerts.outbox import outbox_file, transaction
from optimove_pipeline.file_lock import locked

KEPT_SECONDS = 30 * 86_400.0
"""How long alerts are kept, and tried again, and their keys known."""

AT_ONCE = 20
"""The most alerts that one channel is given in one go, which has to end within a sensor's minute."""

_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of an alert at a channel: ``problem`` is empty if it was taken.

    ``raised_at`` and ``again_at``, when it is tried again, are epoch seconds.
    """

    raised_at: float
    title: str
    channel: str
    tries: int
    delivered: bool
    problem: str
    again_at: float


def deliver(data_dir: Path, channels: Mapping[str, Send], kinds: Collection[str], now: float) -> list[Attempt]:
    """Send what is due by ``now`` (epoch seconds) over each channel, and return what was tried.

    Alerts of other than these ``kinds`` go to the log alone. A channel that fails gets no more in this go, so that
    its time-out is waited for once; an alert that it does not take is tried again after a pause that grows from half
    a minute to an hour, and the alerts after it don't wait for that.

    Raises:
        BusyError: another process delivers at this moment.
        SettingsError: the outbox can't be written.
    """
    file = outbox_file(data_dir)
    if not file.exists():
        return []
    with locked(file.with_suffix(".lock"), "delivering alerts", timeout=0):
        with transaction(file) as connection:
            connection.execute("DELETE FROM alerts WHERE raised_at < ?", (now - KEPT_SECONDS,))
            _address(connection, channels, kinds)
        return [attempt for name, send in channels.items() for attempt in _deliver(file, name, send, now)]


def attempts(data_dir: Path) -> list[Attempt]:
    """Return what became of the alerts kept, the newest first. Raises SettingsError if they can't be read."""
    file = outbox_file(data_dir)
    if not file.exists():
        return []
    with transaction(file) as connection:
        rows = connection.execute(
            "SELECT raised_at, title, coalesce(channel, ''), coalesce(attempts, 0), delivered_at IS NOT NULL,"
            " coalesce(problem, ''), coalesce(next_at, 0)"
            " FROM alerts LEFT JOIN deliveries ON alert = number ORDER BY number DESC, channel"
        )
        return [
            Attempt(raised_at, title, channel, tries, bool(delivered), problem, again_at)
            for raised_at, title, channel, tries, delivered, problem, again_at in rows
        ]


def _address(connection: sqlite3.Connection, channels: Mapping[str, Send], kinds: Collection[str]) -> None:
    for number, kind in connection.execute("SELECT number, kind FROM alerts WHERE NOT addressed").fetchall():
        chosen = [name for name in channels if name == LOG or kind in kinds]
        connection.executemany(
            "INSERT INTO deliveries (alert, channel) VALUES (?, ?)", [(number, name) for name in chosen]
        )
        connection.execute("UPDATE alerts SET addressed = 1 WHERE number = ?", (number,))


def _deliver(file: Path, channel: str, send: Send, now: float) -> list[Attempt]:
    """Send what is due over one channel, up to its first failure."""
    tried = []
    for number, raised_at, before, alert in _due(file, channel, now):
        problem = send(alert) or ""
        tried.append(_outcome(raised_at, alert, channel, before + 1, problem, now))
        _note(file, number, tried[-1], now)
        if problem:
            break
    return tried


def _due(file: Path, channel: str, now: float) -> list[tuple[int, float, int, Alert]]:
    with transaction(file) as connection:
        rows = connection.execute(
            "SELECT number, raised_at, attempts, kind, key, title, text FROM deliveries JOIN alerts ON alert = number"
            " WHERE channel = ? AND delivered_at IS NULL AND next_at <= ? ORDER BY number LIMIT ?",
            (channel, now, AT_ONCE),
        ).fetchall()
    return [(*row[:3], Alert(AlertKind(row[3]), *row[4:])) for row in rows]


def _outcome(raised_at: float, alert: Alert, channel: str, tries: int, problem: str, now: float) -> Attempt:
    pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(tries - 1, 10), _LONGEST_PAUSE_SECONDS)
    return Attempt(raised_at, alert.title, channel, tries, not problem, problem, now + pause if problem else 0.0)


def _note(file: Path, number: int, attempt: Attempt, now: float) -> None:
    with transaction(file) as connection:
        connection.execute(
            "UPDATE deliveries SET attempts = ?, next_at = ?, delivered_at = ?, problem = ?"
            " WHERE alert = ? AND channel = ?",
            (
                attempt.tries,
                attempt.again_at,
                now if attempt.delivered else None,
                attempt.problem,
                number,
                attempt.channel,
            ),
        )
