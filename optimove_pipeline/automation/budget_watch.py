"""The sensor of the budget: a daily run that waits long for it is an alert, once in a window."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.alerts.texts import budget_exhausted
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.budget import CallClass, FileStore, Traffic, Window, traffic
from optimove_pipeline.session import api_options, budget_store, client_of, windows

INTERVAL_SECONDS = 60

USED_UP = 0.99
"""Share of a window's calls from which it counts as used up: as one leaves it, another one takes its place."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered between ticks, in epoch seconds: since when the daily run waits, when that was last told."""

    since: float | None = None
    told: float | None = None


def budget_watch(settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dg.SensorDefinition:
    """Return the sensor; it makes no call, and writes nothing into the budget."""

    @dg.sensor(
        name="budget_watch",
        description=(
            "Alerts when the calls of the longest window are used up and the daily run has waited for "
            f"{settings.alerts.budget_wait_minutes} minutes."
        ),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        before = Watch(**json.loads(context.cursor)) if context.cursor else Watch()
        try:
            after = _look(settings, before, now())
        except SettingsError as error:
            return dg.SkipReason(f"the budget can't be read: {error}")
        context.update_cursor(json.dumps(asdict(after)))
        return dg.SkipReason("no daily run waits long" if after.since is None else f"a daily run waits: {after}")

    return sensor


def _look(settings: Settings, watch: Watch, moment: datetime) -> Watch:
    longest = max(windows(settings), key=lambda window: window.seconds)
    seen = _traffic(settings, longest)
    waiting = seen.waiting.get(CallClass.DAILY, 0)
    if not waiting or len(seen.ages) < USED_UP * longest.calls:
        return replace(watch, since=None)
    at = moment.timestamp()
    since = at if watch.since is None else watch.since
    told_lately = watch.told is not None and at - watch.told < longest.seconds
    if told_lately or at - since < settings.alerts.budget_wait_minutes * 60:
        return replace(watch, since=since)
    again = moment + timedelta(seconds=longest.seconds - seen.ages[0])
    # The key comes from before, so that a tick repeated after a crash raises no second alert.
    key = f"budget/{since:.0f}/{watch.told or 0:.0f}"
    raise_alert(settings.data_dir, budget_exhausted(key, longest.calls, (at - since) / 60, waiting, again))
    return Watch(since, at)


def _traffic(settings: Settings, longest: Window) -> Traffic:
    options = api_options(settings)
    store = budget_store(settings, options)
    if isinstance(store, FileStore) and not store.path.exists():
        return Traffic()
    return traffic(store, client_of(options), longest.seconds)
