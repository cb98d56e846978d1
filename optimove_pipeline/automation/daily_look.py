"""One look whether a day of reports is there, and what follows: requests, or an alert where it is late."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.automation.daily_requests import Held, open_days, requests_for
from optimove_pipeline.automation.look_state import LookState, read_state, write_state
from optimove_pipeline.automation.requests import Request, file_request
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import ForbiddenError, PipelineError, SettingsError, UnauthorizedError
from optimove_pipeline.event_note import EventNote, read_note
from optimove_pipeline.readiness import closed_day, coming, expected_day, late_at, next_question, ready_at

LEAST_SECONDS = 60.0
"""The least time between two questions to the API, however many events are heard."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look takes: the moment ``now`` (UTC), what is held, and ``ask`` for the day of the last data update.

    ``ask`` may raise any PipelineError.
    """

    settings: Settings
    now: datetime
    held: Held
    ask: Callable[[], date]


def look(this: Look) -> str:
    """Look once, and return in a sentence what came of it.

    The API is asked only from the readiness time on, or once an event was heard, and no more often than every
    ``readiness.poll_minutes``. A day that is there is requested, with what was missed before it, and settled.
    Requests are known by their keys, so whatever ends this between two steps, the next look repeats none.

    Raises:
        SettingsError: a file of the data directory is not what it should be.
    """
    settings = this.settings
    state, note = read_state(settings.data_dir), read_note(settings.data_dir)
    target = _target(settings, note, this.now)
    if target < settings.tenant.start_date:
        return coming(settings, settings.tenant.start_date)
    if state.settled is not None and state.settled >= target:
        return f"{state.settled} was there. {coming(settings, state.settled + timedelta(days=1))}"
    again = _next_question(settings, state, note, target, this.now)
    if again > this.now:
        return f"{target} is not there yet; the API is asked again at {again:%Y-%m-%d %H:%M:%S} UTC"
    days = open_days(settings, state.settled, target, this.held)
    if not days:
        write_state(settings.data_dir, replace(state, settled=target))
        return f"{target} is published already"
    # With the first question the first day is known too, so that it stays wanted however long it takes to come.
    return _ask(this, LookState(this.now, days[0] - timedelta(days=1)), days)


def _target(settings: Settings, note: EventNote | None, now: datetime) -> date:
    """Return the newest day to look for: that expected by now, or that which had ended when an event was heard."""
    expected = expected_day(settings, now)
    return expected if note is None else max(expected, closed_day(settings, min(note.heard_at, now)))


def _next_question(
    settings: Settings, state: LookState, note: EventNote | None, target: date, now: datetime
) -> datetime:
    polled = next_question(settings, state.asked_at, target, now)
    if note is None or state.asked_at is None or not state.asked_at < note.heard_at <= now:
        return polled
    return min(polled, state.asked_at + timedelta(seconds=LEAST_SECONDS))


def _ask(this: Look, state: LookState, days: Sequence[date]) -> str:
    # Noted before, so that a process that dies at it over and over does not ask over and over.
    write_state(this.settings.data_dir, state)
    try:
        updated = this.ask()
    except ForbiddenError as error:
        logger.warning("How far the tenant's data reach may not be asked, so the readiness time counts: %s", error)
        return _request(this, state, days, None)
    except PipelineError as error:
        _alert_refusal(this, days[-1], error)
        _alert_lateness(this, days, f"The API gives no answer: {error}.")
        return f"{days[-1]} is looked for, but the API gives no answer: {error}"
    there = [day for day in days if day <= updated]
    told = _request(this, state, there, updated) if there else f"the tenant's data reach to {updated}"
    if len(there) == len(days):
        return told
    _alert_lateness(this, days[len(there) :], f"The tenant's data reach only to {updated}.")
    return f"{days[-1]} is not there yet: {told}"


def _request(this: Look, state: LookState, days: Sequence[date], updated: date | None) -> str:
    """Request days that are there, settle them, and return what was done."""
    requests = requests_for(this.settings, days, updated, this.held)
    for request in requests:
        file_request(this.settings.data_dir, request)
    write_state(this.settings.data_dir, replace(state, settled=days[-1]))
    return f"{_span(days[0], days[-1])} is there; requested: {_listed(requests)}"


def _listed(requests: Sequence[Request]) -> str:
    """Return what was requested, for a person."""
    spans = (f"{len(request.reports)} reports of {_span(request.first, request.last)}" for request in requests)
    return ", ".join(spans) or "nothing, since it is published"


def _span(first: date, last: date) -> str:
    return str(last) if first == last else f"{first} to {last}"


def _alert_lateness(this: Look, missing: Sequence[date], answer: str) -> None:
    """Raise an alert for the newest of the missing days that is late, if one is."""
    day = max((day for day in missing if late_at(this.settings, day) <= this.now), default=None)
    if day is None:
        return
    late = late_at(this.settings, day)
    text = (
        f"{day} was looked for from {ready_at(this.settings, day):%Y-%m-%d %H:%M} UTC on, and expected by "
        f"{late:%H:%M} UTC at the latest. {answer} It is asked for every {this.settings.readiness.poll_minutes} "
        "minutes from here on, and pulled once it is there. Ask Optimove whether the daily process has ended."
    )
    raise_alert(
        this.settings.data_dir,
        Alert(AlertKind.LATE, f"no-data/{day}", f"Optimove's data of {day} are late", text),
        this.now.timestamp(),
    )


def _alert_refusal(this: Look, day: date, error: PipelineError) -> None:
    if isinstance(error, UnauthorizedError | SettingsError):
        title = f"The API can't be asked whether {day} is there"
        text = f"{error}. No report of {day} runs before this is mended."
        alert = Alert(AlertKind.CREDENTIALS, f"readiness-refused/{day}", title, text)
        raise_alert(this.settings.data_dir, alert, this.now.timestamp())
