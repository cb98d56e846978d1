"""Whether a source has a day of a data set whole: by a query, a marker file, or the newest change that it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from optimove_pipeline.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a day is complete, and how that is known, for a person."""

    complete: bool
    reason: str


IsComplete = Callable[[date], Completeness]


class Rows(Protocol):
    """The result of a query."""

    def fetchone(self) -> Sequence[Any] | None:
        """Return the next row, or None."""


class Connection(Protocol):
    """What of a database connection is used; DuckDB's and those of DB-API drivers with ``execute`` have it."""

    def execute(self, sql: str, parameters: Sequence[Any], /) -> Rows:
        """Carry out a query with positional parameters."""


Connect = Callable[[], AbstractContextManager[Connection]]


def by_query(connect: Connect, sql: str) -> IsComplete:
    """Complete once a query says so: ``sql`` takes the day as its one parameter, and its first value is true.

    No row, null, false and 0 mean that it is not.
    """

    def is_complete(day: date) -> Completeness:
        value = _first_value(connect, sql, [day])
        return Completeness(bool(value), f"the query for {day} gives {value!r}")

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


def by_last_updated(connect: Connect, sql: str, zone: ZoneInfo, delay: timedelta) -> IsComplete:
    """Complete once the newest change is ``delay`` past the day's end in ``zone``.

    ``sql`` takes no parameter, and its first value is the newest LastUpdated; without a zone it counts as UTC. No row
    and null mean that nothing is there yet. The check raises SettingsError if the value is no time.
    """

    def is_complete(day: date) -> Completeness:
        needed = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) + delay
        newest = _moment(sql, _first_value(connect, sql, []))
        if newest is None:
            return Completeness(complete=False, reason="no change is known yet")
        told = f"the newest change is of {newest:%Y-%m-%d %H:%M:%S} UTC, {needed:%Y-%m-%d %H:%M:%S} UTC is needed"
        return Completeness(newest >= needed, told)

    return is_complete


def _first_value(connect: Connect, sql: str, parameters: Sequence[Any]) -> Any:
    with connect() as connection:
        row = connection.execute(sql, parameters).fetchone()
    return row[0] if row else None


def _marker(template: str, day: date) -> str:
    try:
        return template.format(date=day)
    except (KeyError, IndexError, ValueError) as error:
        raise SettingsError(
            f"marker file {template!r}: {error!r}; the day is written as {{date:%Y-%m-%d}}"
        ) from error


def _moment(sql: str, value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise SettingsError(f"newest change, {sql!r}: expected a date and time, got {type(value).__name__}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
