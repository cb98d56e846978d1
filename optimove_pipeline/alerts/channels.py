"""The channels that alerts are sent over: the log always, a webhook and e-mail where the settings name them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from optimove_pipeline.alerts.alert import Alert
from optimove_pipeline.alerts.mail import mail
from optimove_pipeline.alerts.webhook import post
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import reveal

logger = logging.getLogger(__name__)

LOG = "log"
"""The channel that takes every alert."""

Send = Callable[[Alert], str | None]
"""Sends an alert and returns why it was not taken, if so; it raises nothing."""


def channels(settings: Settings) -> Mapping[str, Send]:
    """Return the channels by name; the titles of alerts begin with the tenant's name there."""
    found: dict[str, Send] = {LOG: _log}
    if settings.alerts.webhook is not None:
        found["webhook"] = partial(_post, settings.alerts.webhook.url)
    if settings.alerts.email is not None:
        found["email"] = partial(mail, settings.alerts.email)
    return {name: partial(_send, settings.tenant.name, send) for name, send in found.items()}


def _send(tenant: str, send: Send, alert: Alert) -> str | None:
    try:
        return send(replace(alert, title=f"{tenant}: {alert.title}"))
    except SettingsError as error:
        return str(error)


def _log(alert: Alert) -> str | None:
    logger.error("Alert: %s\n%s", alert.title, alert.text)
    return None


def _post(reference: str, alert: Alert) -> str | None:
    return post(reveal(reference), alert)
