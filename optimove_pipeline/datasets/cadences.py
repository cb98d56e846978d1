"""When the partitions of a data set are looked for at the source, and when they are due at Optimove."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from optimove_pipeline.cadence import Cadence, Daily, Hourly
from optimove_pipeline.datasets.history import first_day, month_start
from optimove_pipeline.partition_keys import Month

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

_DAY = timedelta(days=1)

Times = tuple[str, str | None, str | None]
"""A cadence, and for days when they start and are due."""


def cadence_of(settings: Settings, dataset: str) -> Cadence:
    """Return the cadence of a data set, by its name: a partition is ready at its start, and late at its readiness.

    A day starts at ``datasets.starts`` and is due at ``datasets.readiness``, the next time that it is; an hour starts
    ``datasets.delay_minutes`` after its end and is due ``within_minutes`` after it.
    """
    own = settings.datasets.of(dataset)
    if own.cadence == "hourly":
        delay = timedelta(minutes=settings.datasets.delay_minutes)
        return Hourly(
            from_first_day(settings), delay, max(timedelta(minutes=own.within_minutes) - delay, timedelta(minutes=1))
        )
    starts, due = time.fromisoformat(own.starts or ""), time.fromisoformat(own.readiness or "")
    apart = (_since_midnight(due) - _since_midnight(starts)) % _DAY or _DAY
    times = {"time": own.starts, "deadline_hours": apart / timedelta(hours=1)}
    dated = from_first_day(settings)
    return Daily(dated.model_copy(update={"readiness": settings.readiness.model_copy(update=times)}))


def from_first_day(settings: Settings) -> Settings:
    """Return the settings with the first day of the data sets as the tenant's: none before it is looked for."""
    tenant = settings.tenant.model_copy(update={"start_date": first_day(settings)})
    return settings.model_copy(update={"tenant": tenant})


def times_of(settings: Settings, dataset: str) -> Times:
    """Return the cadence of a data set, by its name, and for days when they start and are due."""
    own = settings.datasets.of(dataset)
    if own.cadence == "hourly":
        return "hourly", str(own.within_minutes), None
    return "daily", own.starts, own.readiness


def stamp_of_names(settings: Settings, dataset: str, partition: date) -> datetime:
    """Return the moment (UTC) that the names of a partition's files carry.

    A day's readiness, the last second of an hour, which is no day's readiness, or the start of a month of history.
    """
    if isinstance(partition, datetime):
        return partition.replace(minute=59, second=59, tzinfo=UTC)
    if isinstance(partition, Month):
        return month_start(partition)
    return cadence_of(settings, dataset).late_at(partition)


def _since_midnight(moment: time) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute)
