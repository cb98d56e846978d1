"""One look whether days of a data set are complete at their source."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from optimove_pipeline.automation.completeness import IsComplete
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PipelineError, SettingsError
from optimove_pipeline.readiness import coming, expected_day, late_at, next_question


@dataclass(frozen=True, slots=True)
class DataSetState:
    """``first`` is the first day ever looked for, ``asked_at`` (aware) when the source was last asked.

    ``requested`` are the days whose runs were asked for.
    """

    first: date | None = None
    asked_at: datetime | None = None
    requested: frozenset[date] = frozenset()

    def to_text(self) -> str:
        """Return the state as a sensor's cursor; ``state_of`` is the way back."""
        return json.dumps(
            {
                "first": self.first.isoformat() if self.first else None,
                "asked_at": self.asked_at.isoformat() if self.asked_at else None,
                "requested": sorted(day.isoformat() for day in self.requested),
            }
        )


def state_of(cursor: str | None) -> DataSetState:
    """Return the state that a cursor holds.

    Raises:
        SettingsError: it holds something else.
    """
    if not cursor:
        return DataSetState()
    try:
        content = json.loads(cursor)
        first, asked = content["first"], content["asked_at"]
        return DataSetState(
            date.fromisoformat(first) if first else None,
            datetime.fromisoformat(asked) if asked else None,
            frozenset(map(date.fromisoformat, content["requested"])),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"the sensor's cursor {cursor!r} can't be read: reset it in the UI") from error


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: the complete days, oldest first, those that are late, and all in words."""

    state: DataSetState
    complete: tuple[date, ...]
    late: tuple[date, ...]
    told: str


def look_for(
    settings: Settings, state: DataSetState, now: datetime, made: Collection[date], is_complete: IsComplete
) -> Looked:
    """Look once, oldest day first; a day that does not come holds up no other.

    ``settings`` have the data set's own readiness time. ``made`` are days that are there, which are not looked for.
    Days that were missed are looked for up to ``readiness.catch_up_days`` back. The source is asked no more often
    than every ``readiness.poll_minutes``; an error of it is told, and it is asked again by then.
    """
    target = expected_day(settings, now)
    if target < settings.tenant.start_date:
        return Looked(state, (), (), coming(settings, settings.tenant.start_date))
    state = replace(state, first=state.first or min((day for day in made if day <= target), default=target))
    window = {*_window(settings, state.first or target, target)}
    state = replace(state, requested=state.requested & window)
    days = sorted(window - {*made, *state.requested})
    if not days:
        return Looked(state, (), (), f"{target} was there. {coming(settings, target + timedelta(days=1))}")
    again = next_question(settings, state.asked_at, target, now)
    if again > now:
        told = f"{days[-1]} is not complete yet; the source is asked again at {again:%Y-%m-%d %H:%M:%S} UTC"
        return Looked(state, (), (), told)
    return _asked(settings, replace(state, asked_at=now), now, days, is_complete)


def _asked(
    settings: Settings, state: DataSetState, now: datetime, days: Collection[date], is_complete: IsComplete
) -> Looked:
    complete, late, told = list[date](), list[date](), list[str]()
    for day in days:
        done, reason = _answer(day, is_complete)
        told.append(f"{day}: {reason}")
        if done:
            complete.append(day)
        elif late_at(settings, day) <= now:
            late.append(day)
    state = replace(state, requested=state.requested.union(complete))
    return Looked(state, tuple(complete), tuple(late), "; ".join(told))


def _answer(day: date, is_complete: IsComplete) -> tuple[bool, str]:
    try:
        answer = is_complete(day)
    except PipelineError as error:
        return False, f"the source gives no answer: {error}"
    return answer.complete, answer.reason


def _window(settings: Settings, first: date, target: date) -> Iterator[date]:
    earliest = target - timedelta(days=settings.readiness.catch_up_days)
    day = max(settings.tenant.start_date, first, earliest)
    while day <= target:
        yield day
        day += timedelta(days=1)
