"""Requests that must arrive in time, so that a client that is slow, or means harm, keeps no place from others."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from starlette.requests import ClientDisconnect, Request
from uvicorn.protocols.http.h11_impl import H11Protocol

BODY_SECONDS = 10.0
"""How long a body of some kilobytes may take to arrive."""


class BodyError(Exception):
    """A body that did not arrive as it should, with the status that its request gets: 400, 408 or 413."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def body_of(request: Request, most_bytes: int, seconds: float = BODY_SECONDS) -> bytes:
    """Return the body of a request; one that is too large is not read to its end.

    Raises:
        BodyError: it is larger than ``most_bytes``, takes longer than ``seconds``, or does not end.
    """
    body = b""
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise BodyError(413, f"the body has more than {most_bytes:,} bytes")
    except TimeoutError:
        raise BodyError(408, "the body takes too long") from None
    except ClientDisconnect:
        raise BodyError(400, "the body does not end") from None
    return body


class PromptHeads(H11Protocol):
    """HTTP/1.1 as usual, but a connection is closed unless a request's head arrives within ``head_seconds``.

    Counted from the connection's start, and from the first byte of each further request.
    """

    head_seconds: ClassVar[float] = 20.0

    _giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait no more once a head is whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._giving_up is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._giving_up = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
        self._giving_up = None
