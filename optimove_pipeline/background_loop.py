"""An event loop in a thread of its own, so that plain code can run async work and keep connections between calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

T = TypeVar("T")

_WAKE_SECONDS = 0.5
"""A signal that another thread received is handled only when the main thread runs, so it must not wait unbroken."""


class BackgroundLoop:
    """Runs coroutines on one event loop until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="optimove-calls", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result; if this thread is interrupted, the coroutine is cancelled and awaited."""
        begun: list[asyncio.Task[T]] = []
        try:
            future = asyncio.run_coroutine_threadsafe(_noted(work, begun), self._loop)
            while not future.done():
                wait([future], timeout=_WAKE_SECONDS)
            return future.result()
        except BaseException:
            asyncio.run_coroutine_threadsafe(_ended(begun), self._loop).result()
            raise

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _noted(work: Coroutine[Any, Any, T], begun: list[asyncio.Task[T]]) -> T:
    begun.append(asyncio.ensure_future(work))
    return await begun[0]


async def _ended(begun: list[asyncio.Task[T]]) -> None:
    """Cancel once, since a second time would cut short what the work does to let go."""
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
