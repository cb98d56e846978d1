"""Which delivered days Optimove has still to accept, and from what on each counts as accepted.

Optimove's daily process begins at the readiness time agreed with it, and afterwards its data reach to the day before
(reference on delivery, sections 4.1 and 4.8). An old day that is delivered once more changes that date in no way, so
it counts as taken with the next daily process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from optimove_pipeline.acknowledgements import Sign, accept, accepted
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.partitions import business_day, partitions_of
from optimove_pipeline.delivered_packages import is_whole
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.readiness import expected_day, late_at, ready_at

GROUP = "datasets"
"""The group of feeds whose days are accepted."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A day that is delivered and not accepted: since when it is, and the day that Optimove's data must reach to.

    From ``looked_for`` on that can be so, from ``late`` on it is late. All moments are in UTC.
    """

    day: date
    delivered_at: datetime
    needed: date
    looked_for: datetime
    late: datetime


def agreed(settings: Settings) -> Settings:
    """Return settings whose readiness is that of the data sets, and whose deadline is that of being accepted."""
    update = {"time": settings.datasets.readiness, "deadline_hours": settings.datasets.accepted_within_hours}
    return settings.model_copy(update={"readiness": settings.readiness.model_copy(update=update)})


def waiting_days(settings: Settings, feeds: Collection[str], now: datetime) -> list[Waiting]:
    """Return the days, oldest first, of which all is delivered and which Optimove should be about to accept.

    Days are watched for ``readiness.catch_up_days``. A day with something of it under way is not delivered yet.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    path = ledger_file(settings.data_dir)
    if not feeds or not path.exists():
        return []
    own = agreed(settings)
    newest = expected_day(own, now)
    first = newest - timedelta(days=settings.readiness.catch_up_days)
    done = accepted(path, GROUP)
    return [
        waiting
        for day, at in sorted(_delivered(settings, feeds, first).items())
        if first <= day <= newest and (day not in done or done[day].accepted_at < at)
        if _is_whole(settings, feeds, day)
        if (waiting := _waiting(own, day, datetime.fromtimestamp(at, UTC))).looked_for <= now
    ]


def accept_days(settings: Settings, days: Iterable[Waiting], sign: Sign, at: datetime) -> list[date]:
    """Record that days were accepted, seen ``at``; return those that nobody had recorded yet."""
    path = ledger_file(settings.data_dir)
    return [
        each.day
        for each in days
        if accept(path, GROUP, each.day, each.delivered_at.timestamp(), sign, at.timestamp())
    ]


def accept_by_event(settings: Settings, heard_at: datetime) -> list[date]:
    """Record which days the end of a daily process, heard at a moment, accepts; return them.

    It accepts what was delivered before it. Raises as ``waiting_days`` does.
    """
    waiting = waiting_days(settings, [dataset.name for dataset in settings.chosen_datasets], heard_at)
    return accept_days(
        settings, [each for each in waiting if each.delivered_at <= heard_at], Sign.DAY_COMPLETED, heard_at
    )


def _delivered(settings: Settings, feeds: Collection[str], first: date) -> dict[date, float]:
    """Return business days with the moment at which the last of them was delivered; hours count to their day."""
    found: dict[date, float] = {}
    for partition, at in Ledger(ledger_file(settings.data_dir)).delivered_days(feeds, first).items():
        day = business_day(partition, settings.zone)
        found[day] = max(at, found.get(day, at))
    return found


def _is_whole(settings: Settings, feeds: Collection[str], day: date) -> bool:
    """Return whether all that Optimove expects of a business day is delivered: each data set, to each target."""
    ledger = Ledger(ledger_file(settings.data_dir))
    return all(
        is_whole(ledger.newest(target, name, partition))
        for name in feeds
        if settings.datasets.of(name).expected
        for target in settings.delivery.of(name, is_report=False)
        for partition in partitions_of(settings, name, day)
    )


def _waiting(own: Settings, day: date, delivered_at: datetime) -> Waiting:
    expected = expected_day(own, delivered_at)
    needed = day if day >= expected else expected + timedelta(days=1)
    since = max(ready_at(own, needed), delivered_at)
    return Waiting(day, delivered_at, needed, ready_at(own, needed), since + (late_at(own, day) - ready_at(own, day)))
