"""Turns: of several runs that extract the same report and day, one at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path

from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked, read_holder

logger = logging.getLogger(__name__)


@asynccontextmanager
async def turn(path: Path, purpose: str, longest: float) -> AsyncIterator[None]:
    """Hold the lock file ``path`` alone without blocking the event loop; wait for at most ``longest`` seconds.

    Raises:
        BusyError: the time is over; the message names the holder and what to do.
    """
    holder = read_holder(path)
    if holder is not None:
        logger.info("%s waits for %s, if that still runs", purpose, holder)
    lock = locked(path, purpose, longest)
    await _enter(lock)
    try:
        yield
    finally:
        _leave(lock)


async def _enter(lock: AbstractContextManager[None]) -> None:
    """Enter in a thread of its own: waiting days would take all of a pool's, and those keep a process from ending."""
    entered: Future[None] = Future()
    threading.Thread(target=_wait, args=(lock, entered), name="waits for a day's turn", daemon=True).start()
    try:
        await asyncio.wrap_future(entered)
    except asyncio.CancelledError:
        entered.add_done_callback(lambda _: _leave_if_entered(lock, entered))
        raise


def _wait(lock: AbstractContextManager[None], entered: Future[None]) -> None:
    try:
        lock.__enter__()
    except (BusyError, OSError) as error:
        with suppress(InvalidStateError):
            entered.set_exception(error)
        return
    try:
        entered.set_result(None)
    except InvalidStateError:
        _leave(lock)


def _leave_if_entered(lock: AbstractContextManager[None], entered: Future[None]) -> None:
    if not entered.cancelled() and entered.exception() is None:
        _leave(lock)


def _leave(lock: AbstractContextManager[None]) -> None:
    lock.__exit__(None, None, None)
