"""``listen``: notes Optimove's events, and registers for them, which Optimove does for nobody by itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from optimove_pipeline.automation.acceptance import accept_by_event
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import PipelineError, SettingsError
from optimove_pipeline.event_note import EventNote, write_note
from optimove_pipeline.listener import listener_secret, serve
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.optimove.event_listeners import Event, register_listener, registered_listeners
from optimove_pipeline.optimove.messages import masked
from optimove_pipeline.session import ask_briefly
from optimove_pipeline.settings.secrets import reveal

PURPOSE = "listen"
"""Stands for a run in the record of calls."""

logger = logging.getLogger(__name__)


def listen(settings: Settings, port: int | None, tell: Callable[[str], None]) -> None:
    """Note events until interrupted. Raises as ``listener.serve`` does."""

    def note(event: Event) -> None:
        heard_at = datetime.now(UTC)
        write_note(settings.data_dir, EventNote(event, heard_at))
        if event is Event.DAY_COMPLETED:
            _accept(settings, heard_at)

    def ready(address: str) -> None:
        place = f"in the header {settings.listener.header}" if settings.listener.header else "as the address's end"
        tell(f"The listener answers at {address}, to requests with the secret {place}. Ctrl-C ends it.")

    serve(settings.listener, port, note, ready)


def _accept(settings: Settings, heard_at: datetime) -> None:
    """Note which days the end of the daily process accepts; the event counts as heard even if that fails."""
    try:
        days = accept_by_event(settings, heard_at)
    except PipelineError as error:
        logger.warning("Which days are accepted is not noted, and is left to the sensor acknowledgements: %s", error)
    else:
        for day in days:
            logger.info("Optimove has accepted what was delivered of %s", day)


def tell_registered(settings: Settings, tell: Callable[[str], None]) -> None:
    """Show what Optimove has registered.

    Raises:
        ApiError: the API does not answer, or has no such function for this account.
    """
    _tell_rows(ask_briefly(settings, PURPOSE, registered_listeners), _own_secret(settings), tell)


def _own_secret(settings: Settings) -> list[str]:
    try:
        return [reveal(settings.listener.secret)]
    except SettingsError:
        # Who has none yet may look all the same: nothing registered can hold it.
        return []


def register(
    settings: Settings,
    url: str,
    events: Sequence[int],
    confirmed: Callable[[str], bool],
    tell: Callable[[str], None],
) -> bool:
    """Show what is registered, and after confirmation register ``url`` for the events; return whether it was done.

    The secret becomes the last part of the address, unless a proxy puts it in a header.

    Raises:
        SettingsError: ``url`` is no address, or the secret is missing or weak.
        ApiError: the API refuses it or does not answer.
    """
    secret = listener_secret(settings.listener)
    address = _address(url, None if settings.listener.header else secret)
    _tell_rows(ask_briefly(settings, PURPOSE, registered_listeners), [secret], tell)
    types = ", ".join(map(str, events))
    if not confirmed(f"Register {masked(address, [secret])} for events {types}, in place of any listener of these?"):
        return False

    async def register_all(client: Optimove) -> list[dict[str, Any]]:
        for event in events:
            await register_listener(client, event, address, secret)
        return await registered_listeners(client)

    _tell_rows(ask_briefly(settings, PURPOSE, register_all), [secret], tell)
    return True


def _tell_rows(rows: Sequence[dict[str, Any]], secrets: Sequence[str], tell: Callable[[str], None]) -> None:
    tell("Registered at Optimove:" if rows else "Optimove has no listener registered.")
    for row in rows:
        tell(masked(json.dumps(row, ensure_ascii=False), secrets))


def _address(url: str, secret: str | None) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise SettingsError(
            f"--register {url}: expected the public address of the listener, such as https://etl.example.com/optimove"
        )
    return url if secret is None else f"{url.rstrip('/')}/{secret}"
