"""The sensor that delivers alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg

from optimove_pipeline.alerts.channels import channels
from optimove_pipeline.alerts.delivery import Attempt, deliver
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import BusyError

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 30


def alert_delivery(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Return the sensor; what it has to deliver is in the outbox, so it needs no cursor."""

    @dg.sensor(
        name="alert_delivery",
        description="Delivers alerts over the channels of the settings; what failed is tried again.",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor() -> dg.SkipReason:
        try:
            tried = deliver(settings.data_dir, channels(settings), settings.alerts.kinds, now().timestamp())
        except BusyError as error:
            return dg.SkipReason(str(error))
        for attempt in tried:
            if attempt.problem:
                logger.warning("%s", _failure(attempt))
        return dg.SkipReason(_said(tried))

    return sensor


def _said(tried: Sequence[Attempt]) -> str:
    delivered = [f"{attempt.channel}: {attempt.title}" for attempt in tried if attempt.delivered]
    return "; ".join([*map(_failure, (each for each in tried if each.problem)), *delivered]) or "no alert to deliver"


def _failure(attempt: Attempt) -> str:
    again = datetime.fromtimestamp(attempt.again_at, UTC)
    return (
        f"{attempt.channel} did not take the alert {attempt.title!r} (try {attempt.tries}), "
        f"again at {again:%Y-%m-%d %H:%M:%S} UTC: {attempt.problem}"
    )
