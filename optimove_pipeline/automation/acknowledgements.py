"""The sensor that looks whether Optimove has accepted what was delivered, and alerts where it has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from optimove_pipeline.acknowledgements import Sign
from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.automation.acceptance import Waiting, accept_days, agreed, waiting_days
from optimove_pipeline.automation.last_update import LastUpdate, read_last_update, write_last_update
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PipelineError
from optimove_pipeline.readiness import next_question
from optimove_pipeline.session import ask_briefly

NAME = "acknowledgements"

TICK_SECONDS = 60
"""Time between two ticks; a tick asks the API only when it is time to."""

PATIENCE_SECONDS = 20.0
"""How long opening the API and asking it may take, each; Dagster gives up a tick after 60 seconds."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to, in words, and when (aware) the API was last asked."""

    told: str
    asked_at: datetime | None


def acknowledgements(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Return the sensor, for settings that choose data sets."""
    feeds = [dataset.name for dataset in settings.chosen_datasets]

    @dg.sensor(
        name=NAME,
        description="Looks whether Optimove has accepted the days delivered, and alerts of those that are late.",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        asked_at = datetime.fromisoformat(context.cursor) if context.cursor else None
        moment = now()
        looked = _look(settings, waiting_days(settings, feeds, moment), asked_at, moment)
        if looked.asked_at is not None:
            context.update_cursor(looked.asked_at.isoformat())
        return dg.SkipReason(looked.told)

    return sensor


def _look(settings: Settings, waiting: Sequence[Waiting], asked_at: datetime | None, now: datetime) -> Looked:
    if not waiting:
        return Looked("Optimove has accepted every day that is delivered and due", asked_at)
    shared = _shared_answer(settings, asked_at, now)
    if shared is not None:
        return Looked(_heard(settings, waiting, shared, now), shared.asked_at)
    newest = waiting[-1].day
    again = next_question(agreed(settings), asked_at, newest, now)
    if again > now:
        return Looked(
            f"{newest} is not accepted yet; the API is asked again at {again:%Y-%m-%d %H:%M:%S} UTC", asked_at
        )
    try:
        answer = LastUpdate(_ask(settings), now)
    except PipelineError as error:
        _alert_lateness(settings, waiting, f"How far its data reach can't be asked: {error}.", now)
        return Looked(f"whether {newest} is accepted can't be asked: {error}", now)
    write_last_update(settings.data_dir, answer)
    return Looked(_heard(settings, waiting, answer, now), now)


def _shared_answer(settings: Settings, asked_at: datetime | None, now: datetime) -> LastUpdate | None:
    """Return an answer that somebody else has had since this sensor asked, if it is no older than a poll."""
    answer = read_last_update(settings.data_dir)
    if answer is None or (asked_at is not None and answer.asked_at <= asked_at):
        return None
    age = now - answer.asked_at
    return answer if timedelta() <= age < timedelta(minutes=settings.readiness.poll_minutes) else None


def _heard(settings: Settings, waiting: Sequence[Waiting], answer: LastUpdate, now: datetime) -> str:
    taken = [each for each in waiting if each.needed <= answer.day and each.delivered_at <= answer.asked_at]
    accept_days(settings, taken, Sign.LAST_DATA_UPDATE, answer.asked_at)
    left = [each for each in waiting if each not in taken]
    _alert_lateness(settings, left, f"Its data reach only to {answer.day}.", now)
    said = [f"accepted: {_listed(taken)}"] if taken else []
    said += [f"not accepted yet: {_listed(left)}, Optimove's data reach to {answer.day}"] if left else []
    return "; ".join(said)


def _listed(days: Sequence[Waiting]) -> str:
    return ", ".join(each.day.isoformat() for each in days)


def _alert_lateness(settings: Settings, waiting: Sequence[Waiting], answer: str, now: datetime) -> None:
    for each in waiting:
        if each.late <= now:
            text = (
                f"The data sets of {each.day} were delivered by {each.delivered_at:%Y-%m-%d %H:%M} UTC, and Optimove "
                f"was to accept them by {each.late:%Y-%m-%d %H:%M} UTC. {answer} Ask Optimove whether the daily "
                "process has ended, and what its checks of missing files and of volume say. It is looked for every "
                f"{settings.readiness.poll_minutes} minutes from here on."
            )
            title = f"{each.day} is delivered, and Optimove has not accepted it"
            alert = Alert(AlertKind.LATE, f"not-accepted/{each.day}", title, text)
            raise_alert(settings.data_dir, alert, now.timestamp())


def _ask(settings: Settings) -> date:
    return ask_briefly(settings, NAME, lambda client: client.last_data_update(), patience_seconds=PATIENCE_SECONDS)
