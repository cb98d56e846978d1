"""``alerts``: what became of the alerts raised, and a test of the channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.channels import channels
from optimove_pipeline.alerts.delivery import Attempt, attempts
from optimove_pipeline.config import Settings

_TEST = Alert(
    AlertKind.RUN_FAILED,
    "test",
    "a test of the alerts",
    "Nothing has happened. Somebody has run `optimove-pipeline alerts --test`, and this channel works.",
)


def send_test(settings: Settings) -> dict[str, str]:
    """Send a test alert over every channel; return by channel why it was not taken, empty if it was."""
    return {name: send(_TEST) or "" for name, send in channels(settings).items()}


def rows(settings: Settings) -> list[dict[str, str]]:
    """Return a row for each alert kept and channel, the newest first: raised, alert, channel, state.

    Raises:
        SettingsError: the outbox can't be read.
    """
    return [
        {"raised": _utc(each.raised_at), "alert": each.title, "channel": each.channel, "state": _state(each)}
        for each in attempts(settings.data_dir)
    ]


def as_text(told: Mapping[str, str] | Sequence[Mapping[str, str]]) -> str:
    """Return the outcome of a test, or the rows, in lines for a person."""
    if isinstance(told, Mapping):
        return "\n".join(f"{channel}: {problem or 'delivered'}" for channel, problem in told.items())
    return "\n".join("  ".join(value for value in row.values() if value) for row in told) or "no alerts"


def _state(attempt: Attempt) -> str:
    if attempt.delivered:
        return "delivered"
    if not attempt.tries:
        return "waits for the next delivery, which needs Dagster's daemon"
    tries = f"{attempt.tries} {'try' if attempt.tries == 1 else 'tries'}"
    return f"failed after {tries}, again at {_utc(attempt.again_at)}: {attempt.problem}"


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
