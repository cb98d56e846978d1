"""The event loop in a thread of its own, and what an interruption does to the work on it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from optimove_pipeline.background_loop import BackgroundLoop


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop()
    yield loop
    loop.close()


def test_work_runs_on_one_loop_in_another_thread(loop: BackgroundLoop) -> None:
    async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        return asyncio.get_running_loop(), threading.current_thread()

    first, second = loop.run(where()), loop.run(where())
    assert first == second
    assert first[1] is not threading.current_thread()


def test_errors_of_the_work_reach_its_caller(loop: BackgroundLoop) -> None:
    async def fail() -> None:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        loop.run(fail())


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell lets what it runs in the background ignore interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_waits_until_the_work_has_let_go(loop: BackgroundLoop) -> None:
    let_go: list[str] = []

    async def call(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            let_go.append(name)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for name in ("one", "other"):
                group.create_task(call(name))
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert sorted(let_go) == ["one", "other"]

    async def answer() -> int:
        return 42

    assert loop.run(answer()) == 42


def test_closing_ends_the_thread() -> None:
    loop = BackgroundLoop()

    async def thread() -> threading.Thread:
        return threading.current_thread()

    running = loop.run(thread())
    loop.close()
    assert not running.is_alive()
