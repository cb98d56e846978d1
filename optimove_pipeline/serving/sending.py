"""Sending a page in pieces, each once the client has taken most of what came before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from optimove_pipeline.serving.pages import Page

_PIECE = 256 * 1024
_SEND_SECONDS = 600.0
"""How long a client may take to receive a page: one that stalls would keep others from theirs."""


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page on its way, as an ASGI application; ``ended`` is called once it has gone, or can't go."""

    page: Page
    headers: Mapping[str, str]
    ended: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Its length is told before, so that one that was cut off is known as such."""
        headers = {**self.page.headers, **self.headers, "Content-Length": str(self.page.bytes)}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await send({"type": "http.response.start", "status": 200, "headers": raw})
                for piece in _pieces(self.page):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.ended()


def _pieces(page: Page) -> Iterator[bytes]:
    """Yield the bytes in pieces of about one size."""
    waiting, size = list[bytes](), 0
    for piece in page.pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
