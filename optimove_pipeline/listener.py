"""The listener: an HTTP server that notes Optimove's events (reference, section 1.9).

An event is only a hint that data are there: whoever acts on the note still asks the API. So the listener reads of an
event its type and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from hmac import compare_digest

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.event_listeners import Event
from optimove_pipeline.prompt_requests import BODY_SECONDS, BodyError, PromptHeads, body_of
from optimove_pipeline.settings.listener import Listener
from optimove_pipeline.settings.secrets import reveal

MOST_BYTES = 64 * 1024
"""An event has some hundred bytes; the body of a larger request is not read to the end."""

_MOST_REQUESTS = 64

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")

logger = logging.getLogger(__name__)


class _Refusal(Exception):
    """A request that is no event of Optimove, with the status that it gets."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def listener_secret(settings: Listener) -> str:
    """Return the secret that events carry.

    Raises:
        SettingsError: it is not set, or too weak or unfit for an address; the message does not hold it.
    """
    secret = reveal(settings.secret)
    if not _SECRET.fullmatch(secret):
        raise SettingsError(
            f"listener.secret, {settings.secret}: expected at least 16 letters, digits, - or _, such as "
            "`openssl rand -hex 16` prints"
        )
    return secret


def application(
    secret: str, header: str | None, note: Callable[[Event], None], read_seconds: float = BODY_SECONDS
) -> Starlette:
    """Return the listener as an ASGI application; it answers an event when ``note`` has returned.

    Anything but an event gets a status from 400 to 499: 403 without the secret (the last part of the path, or the
    ``header``), 405 for another method than POST, 408 and 413 for a body that is too slow or too large, 400 for what
    is no event.
    """

    async def hear(request: Request) -> PlainTextResponse:
        try:
            _check_secret(request, secret, header)
            event = _event_in(await body_of(request, MOST_BYTES, read_seconds))
        except (_Refusal, BodyError) as refusal:
            logger.warning("A request was refused: %s", refusal)
            return PlainTextResponse(str(refusal), refusal.status)
        if event not in [*Event]:
            logger.info("Event %d was heard; it tells nothing of data", event)
            return PlainTextResponse("not needed")
        await asyncio.to_thread(note, Event(event))
        logger.info("Event %d was heard and noted", event)
        return PlainTextResponse("noted")

    return Starlette(routes=[Route("/{path:path}", hear, methods=["POST"])])


def serve(
    settings: Listener, port: int | None, note: Callable[[Event], None], on_ready: Callable[[str], None]
) -> None:
    """Serve until interrupted; blocks. SIGINT ends it quietly, SIGTERM ends the process.

    ``port`` takes the place of the settings'; 0 is any free one. ``on_ready`` is called once with the address, secret
    left out, when the port is open.

    Raises:
        SettingsError: the secret is missing or weak, or the port can't be opened.
    """
    app = application(listener_secret(settings), settings.header, note)
    listening = _open_port(settings.host, settings.port if port is None else port)
    config = uvicorn.Config(
        app,
        http=PromptHeads,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # it would hold the secret
        limit_concurrency=_MOST_REQUESTS,
        timeout_graceful_shutdown=1,
    )
    host, opened = listening.getsockname()[:2]
    on_ready(f"http://{host}:{opened}")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _open_port(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise SettingsError(
            f"listener.host and listener.port: {host}:{port} can't be opened ({error.strerror}); choose another port "
            "or an address of this machine"
        ) from error


def _check_secret(request: Request, secret: str, header: str | None) -> None:
    given = request.headers.get(header, "") if header else request.path_params["path"].rpartition("/")[2]
    if not compare_digest(given.encode(), secret.encode()):
        raise _Refusal(403, "the secret is missing or wrong")


def _event_in(body: bytes) -> int:
    """Return the type of an event; field names may be of any case, and numbers text (reference, section 1.7)."""
    try:
        fields = {str(name).lower(): value for name, value in json.loads(body).items()}
        return int(fields["eventtypeid"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise _Refusal(400, "the body is no event: a JSON object with EventTypeID is expected") from None
