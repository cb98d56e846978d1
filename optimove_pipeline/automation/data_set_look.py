"""One look whether partitions of data sets are complete at their source."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from optimove_pipeline.automation.completeness import IsComplete
from optimove_pipeline.cadence import Cadence, first_hour
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PipelineError, SettingsError
from optimove_pipeline.partition_keys import partition_key, partition_of
from optimove_pipeline.readiness import next_poll

ATTEMPTS = 3
"""Runs that are asked for of one partition."""


@dataclass(frozen=True, slots=True)
class DataSetState:
    """``first`` is the first partition ever looked for, ``asked_at`` (aware) when the source was last asked.

    ``requested`` are the partitions whose runs were asked for, with how often.
    """

    first: date | None = None
    asked_at: datetime | None = None
    requested: Mapping[date, int] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the state as a sensor's cursor; ``state_of`` is the way back."""
        return json.dumps(
            {
                "first": partition_key(self.first) if self.first else None,
                "asked_at": self.asked_at.isoformat() if self.asked_at else None,
                "requested": {partition_key(each): self.requested[each] for each in sorted(self.requested)},
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
            partition_of(first) if first else None,
            datetime.fromisoformat(asked) if asked else None,
            {partition_of(key): int(times) for key, times in content["requested"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(f"the sensor's cursor {cursor!r} can't be read: reset it in the UI") from error


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: the complete partitions, oldest first, those that are late, and all in words."""

    state: DataSetState
    complete: tuple[date, ...]
    late: tuple[date, ...]
    told: str


def look_for(
    settings: Settings,
    cadence: Cadence,
    state: DataSetState,
    now: datetime,
    made: Collection[date],
    failed: Collection[date],
    is_complete: IsComplete,
) -> Looked:
    """Look once, oldest partition first; one that does not come holds up no other.

    ``made`` are the partitions that are there, which are not looked for. ``failed`` are those requested whose run has
    ended without success: they are looked for again, until ``ATTEMPTS`` runs were asked for. Those that were missed
    are looked for up to ``readiness.catch_up_days`` back. The source is asked no more often than every
    ``readiness.poll_minutes``; an error of it is told, and it is asked again by then.
    """
    target = cadence.expected(now)
    if target < (first := _first(settings, target)):
        return Looked(state, (), (), _coming(cadence, first))
    state = replace(state, first=state.first or min((each for each in made if each <= target), default=target))
    window = {*cadence.caught_up(state.first or target, target)}
    state = replace(state, requested={each: times for each, times in state.requested.items() if each in window})
    waiting_for = {each for each, times in state.requested.items() if each not in failed or times >= ATTEMPTS}
    wanted = sorted(window - {*made, *waiting_for})
    if not wanted:
        standing = [_standing(state, each, failed) for each in sorted(waiting_for - {*made})]
        there = ". ".join(standing or [f"{partition_key(target)} was there"])
        return Looked(state, (), (), f"{there}. {_coming(cadence, cadence.after(target))}")
    again = next_poll(settings, state.asked_at, (cadence.ready_at(target), cadence.late_at(target)), now)
    if again > now:
        waiting = f"{partition_key(wanted[-1])} is not complete yet"
        told = f"{waiting}; the source is asked again at {again:%Y-%m-%d %H:%M:%S} UTC"
        return Looked(state, (), (), told)
    return _asked(cadence, replace(state, asked_at=now), now, wanted, is_complete)


def given_up(state: DataSetState, made: Collection[date], failed: Collection[date]) -> list[date]:
    """Return the partitions of which all runs that may be asked for have failed; a person has to start the next."""
    return [
        each
        for each, times in sorted(state.requested.items())
        if each in failed and each not in made and times >= ATTEMPTS
    ]


def _standing(state: DataSetState, partition: date, failed: Collection[date]) -> str:
    key = partition_key(partition)
    if partition in failed:
        return f"{key} was requested {state.requested[partition]} times and is not there: look at its runs"
    return f"{key} is requested and not there yet"


def _first(settings: Settings, like: date) -> date:
    start = settings.tenant.start_date
    return first_hour(start, settings.zone) if isinstance(like, datetime) else start


def _coming(cadence: Cadence, partition: date) -> str:
    return f"{partition_key(partition)} is looked for from {cadence.ready_at(partition):%Y-%m-%d %H:%M} UTC on"


def _asked(
    cadence: Cadence, state: DataSetState, now: datetime, wanted: Collection[date], is_complete: IsComplete
) -> Looked:
    complete, late, told = list[date](), list[date](), list[str]()
    for partition in wanted:
        done, reason = _answer(partition, is_complete)
        told.append(f"{partition_key(partition)}: {reason}")
        if done:
            complete.append(partition)
        elif cadence.late_at(partition) <= now:
            late.append(partition)
    times = {each: state.requested.get(each, 0) + 1 for each in complete}
    state = replace(state, requested={**state.requested, **times})
    return Looked(state, tuple(complete), tuple(late), "; ".join(told))


def _answer(day: date, is_complete: IsComplete) -> tuple[bool, str]:
    try:
        answer = is_complete(day)
    except PipelineError as error:
        return False, f"the source gives no answer: {error}"
    return answer.complete, answer.reason
