"""Turns: one run at a time, without a thread that outlives who waits."""

import asyncio
import logging
from pathlib import Path

import pytest

from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked
from optimove_pipeline.reports.turns import turn


def test_turns_are_taken_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    async def one(number: int) -> None:
        async with turn(tmp_path / "day.lock", f"run {number}", 60):
            inside.append(number)
            most.append(len(inside))
            await asyncio.sleep(0)
            inside.remove(number)

    async def all_at_once() -> None:
        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(all_at_once())
    assert most == [1] * 20


def test_the_time_is_over_at_some_point_and_the_holder_is_named(tmp_path: Path) -> None:
    async def wait() -> None:
        async with turn(tmp_path / "day.lock", "second", 0.01):
            raise AssertionError("the turn was given twice")

    with locked(tmp_path / "day.lock", "the first run", 1), pytest.raises(BusyError, match="for the first run"):
        asyncio.run(wait())


def test_who_waits_says_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def wait() -> None:
        async with turn(tmp_path / "day.lock", "extracting promo_codes", 0.01):
            raise AssertionError("the turn was given twice")

    with (
        caplog.at_level(logging.INFO),
        locked(tmp_path / "day.lock", "the first run", 1),
        pytest.raises(BusyError),
    ):
        asyncio.run(wait())
    assert "extracting promo_codes waits for process" in caplog.text
    assert "the first run" in caplog.text


def test_an_error_ends_the_turn(tmp_path: Path) -> None:
    async def fail() -> None:
        async with turn(tmp_path / "day.lock", "first", 1):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(fail())
    with locked(tmp_path / "day.lock", "second", 0.01):
        pass


def test_who_gives_up_waiting_does_not_keep_the_turn(tmp_path: Path) -> None:
    path = tmp_path / "day.lock"

    async def give_up() -> None:
        async with turn(path, "first", 60):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with turn(path, "third", 60):
            taken.append("third")

    async def wait() -> None:
        async with turn(path, "second", 60):
            taken.append("second")

    taken: list[str] = []
    asyncio.run(give_up())
    assert taken == ["third"]


def test_the_turn_of_who_is_cancelled_inside_is_over(tmp_path: Path) -> None:
    path = tmp_path / "day.lock"

    async def cancelled() -> None:
        entered = asyncio.Event()

        async def hold() -> None:
            async with turn(path, "first", 60):
                entered.set()
                await asyncio.Event().wait()

        holding = asyncio.create_task(hold())
        await entered.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding

    asyncio.run(cancelled())
    with locked(path, "second", 0.01):
        pass
