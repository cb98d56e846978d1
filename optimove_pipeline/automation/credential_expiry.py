"""The sensor of credentials that expire: each is told of 30, 14 and 3 days before, and once it has expired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import raise_alert
from optimove_pipeline.config import Settings
from optimove_pipeline.targets.expiry import Expiry, expiries, problem_of, problems_of

INTERVAL_SECONDS = 3600


def credential_expiry(
    settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """Return the sensor. What it has told is in the outbox, so it needs no cursor."""

    @dg.sensor(
        name="credential_expiry",
        description="Alerts of SAS tokens and certificates that expire in 30, 14 or 3 days, or have expired.",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor() -> dg.SkipReason:
        moment = now()
        found = expiries(settings)
        for expiry in found:
            _tell(settings, expiry, moment)
        return dg.SkipReason("; ".join(problems_of(found, moment)) or _all_well(found))

    return sensor


def _tell(settings: Settings, expiry: Expiry, now: datetime) -> None:
    problem, stage = problem_of(expiry, now), expiry.warning(now)
    if not problem:
        return
    if expiry.at is None:
        key, title = f"expiry-unknown/{expiry.where}", f"{expiry.where}: its end can't be read"
        text = f"{problem}. So nobody is told before it expires."
    else:
        key = f"expiry/{expiry.where}/{expiry.at.isoformat()}/{stage}"
        title = f"{expiry.where} {'has expired' if stage == 0 else 'expires'} on {expiry.at:%Y-%m-%d}"
        text = f"{problem}. What needs it fails from then on."
    raise_alert(settings.data_dir, Alert(AlertKind.CREDENTIALS, key, title, text), now.timestamp())


def _all_well(found: list[Expiry]) -> str:
    if not found:
        return "no credential tells of its end"
    ends = ", ".join(f"{expiry.where} {expiry.at:%Y-%m-%d}" for expiry in found)
    return f"every credential holds for more than 30 days: {ends}"
