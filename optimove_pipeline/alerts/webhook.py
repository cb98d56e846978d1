"""Alerts to a webhook that takes JSON as Slack does: ``{"text": …}``.

Its address is a secret, since who knows it can write to the channel. So it is not repeated, nor what the server
answers, which may hold it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from optimove_pipeline.alerts.alert import Alert

TIMEOUT_SECONDS = 10.0

_ONE_WORD = re.compile(r"[a-z]+(_[a-z]+){0,5}")


def post(url: str, alert: Alert) -> str | None:
    """Post an alert; return why it was not taken, if so."""
    try:
        with _unlogged(), httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            response = client.post(url, json={"text": _text(alert)})
    except httpx.TimeoutException:
        return f"no answer within {TIMEOUT_SECONDS:g} s: check the network"
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL):
        return "the address is not one of the web: it begins with https://"
    except httpx.ConnectError as error:
        return f"can't be reached ({error}): check the address and the network".replace(url, "…")
    except httpx.HTTPError as error:
        return f"the connection broke ({type(error).__name__}): check the network"
    return None if response.is_success else _refusal(response, url)


def _text(alert: Alert) -> str:
    """Return title and text with the three characters escaped that Slack gives a meaning."""
    text = f"*{alert.title}*\n{alert.text}"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refusal(response: httpx.Response, url: str) -> str:
    answered = f"answered {response.status_code}"
    word = response.text.strip() if len(response.content) < 100 else ""
    if _ONE_WORD.fullmatch(word) and word not in url:
        # Slack's own errors, such as `no_service`; anything longer may repeat the address.
        answered = f"{answered} ({word})"
    return f"{answered}: {_advice(response.status_code)}"


def _advice(status: int) -> str:
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return "the service is busy or down, it is tried again"
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        return "the webhook is not there any more, or the address is wrong: make a new one"
    if status < httpx.codes.BAD_REQUEST:
        return "a redirect is not followed: give the final address"
    return 'it does not take JSON as Slack does, {"text": "…"}'


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep httpx from logging the address of each request of this thread."""
    thread = threading.get_ident()

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger = logging.getLogger("httpx")
    logger.addFilter(of_others)
    try:
        yield
    finally:
        logger.removeFilter(of_others)
