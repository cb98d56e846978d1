"""Whether a source has a day of a data set whole: by a query, a marker file, or the newest change that it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from optimove_pipeline.cadence import Cadence
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.partition_keys import partition_key


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a day is complete, and how that is known, for a person."""

    complete: bool
    reason: str


IsComplete = Callable[[date], Completeness]


Ask = Callable[[str, Sequence[Any]], Any]
"""Carries out a query with named parameters, ``:day`` the first, and returns the first value of its first row."""

ChangedSince = Callable[[date, datetime], int]
"""Returns how many rows of a partition's source have changed at a moment or since."""


def always(partition: date) -> Completeness:
    """Say of every partition that it is complete: its time alone counts."""
    return Completeness(complete=True, reason=f"the time of {partition_key(partition)} has come")


def by_query(ask: Ask, sql: str) -> IsComplete:
    """Complete once a query says so: ``sql`` takes the day as its one parameter, and its first value is true.

    No row, null, false and 0 mean that it is not.
    """

    def is_complete(day: date) -> Completeness:
        value = ask(sql, [day])
        return Completeness(bool(value), f"the query for {partition_key(day)} gives {value!r}")

    return is_complete


def by_marker(template: str) -> IsComplete:
    """Complete once a file is there; ``template`` is its path with the day, such as ``/drop/{date:%Y%m%d}/*.done``.

    Raises:
        SettingsError: the template does not depend on the day.
    """
    if _marker(template, date(2026, 1, 31)) == _marker(template, date(2025, 2, 28)):
        raise SettingsError(f"marker file {template!r}: expected the day in it, such as {{date:%Y-%m-%d}}")

    def is_complete(day: date) -> Completeness:
        path = Path(_marker(template, day)).absolute()
        there = any(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        return Completeness(there, f"{path} is {'' if there else 'not '}there")

    return is_complete


def by_newest_change(changed_since: ChangedSince, cadence: Cadence, delay: timedelta) -> IsComplete:
    """Complete once something has changed ``delay`` past the partition's end: what was before it has arrived."""

    def is_complete(partition: date) -> Completeness:
        needed = cadence.ended_at(partition) + delay
        changed = changed_since(partition, needed)
        told = f"{changed:,} changes at {needed:%Y-%m-%d %H:%M:%S} UTC or since, one is needed"
        return Completeness(changed > 0, told)

    return is_complete


def all_of(every: Sequence[IsComplete]) -> IsComplete:
    """Complete once all are; asks no further than the first that is not."""

    def is_complete(partition: date) -> Completeness:
        reasons = []
        for each in every:
            answer = each(partition)
            if not answer.complete:
                return answer
            reasons.append(answer.reason)
        return Completeness(complete=True, reason="; ".join(dict.fromkeys(reasons)))

    return is_complete


def _marker(template: str, day: date) -> str:
    try:
        return template.format(date=day)
    except (KeyError, IndexError, ValueError) as error:
        raise SettingsError(
            f"marker file {template!r}: {error!r}; the day is written as {{date:%Y-%m-%d}}"
        ) from error
