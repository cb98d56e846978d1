"""An alert: what happened, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about; the settings choose by it which alerts are sent."""

    RUN_FAILED = "run_failed"
    CHECK_FAILED = "check_failed"
    LATE = "late"
    BUDGET = "budget"
    CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened: ``title`` in one line, ``text`` with report, day, run and what to do.

    ``key`` tells one event from another: an alert is raised once for each. Neither may hold a secret or data of a
    customer.
    """

    kind: AlertKind
    key: str
    title: str
    text: str
