"""The circuit keeps an outage from burning the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from optimove_pipeline.errors import AnswerError, OutageError, TransientError
from optimove_pipeline.optimove.circuit import Circuit
from optimove_pipeline.optimove.options import CircuitOptions
from optimove_pipeline_tests.optimove.canned import FakeTime, Reply, canned_server, opened

T = TypeVar("T")
OPTIONS = CircuitOptions(failures=3, cool_down_seconds=30, probes=3)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


async def attempt(circuit: Circuit, error: Exception | None = None) -> None:
    async with circuit.passage() as passage:
        await passage.enter()
        if error is not None:
            raise error


async def fail(circuit: Circuit, times: int, retry_after: float | None = None) -> None:
    for _ in range(times):
        with pytest.raises(TransientError):
            await attempt(circuit, TransientError("down", retry_after=retry_after))


def test_failures_in_a_row_open_it_and_a_success_starts_the_count_anew() -> None:
    async def work() -> list[float]:
        time = FakeTime()
        circuit = Circuit(OPTIONS, time.clock)
        await fail(circuit, 2)
        await attempt(circuit)
        await fail(circuit, 2)
        with pytest.raises(AnswerError):
            await attempt(circuit, AnswerError("odd, but an answer"))
        await fail(circuit, 3)
        assert time.slept == []
        await attempt(circuit)
        await attempt(circuit)
        return time.slept

    assert run(work()) == [30]


def test_each_failed_probe_doubles_the_wait_and_the_last_ends_it_for_every_call() -> None:
    async def work() -> list[float]:
        time = FakeTime()
        circuit = Circuit(OPTIONS, time.clock)
        await fail(circuit, 3 + 3)
        for _ in range(2):
            with pytest.raises(OutageError, match=r"failed 6 times in a row.*run again later.*down"):
                await attempt(circuit)
        return time.slept

    assert run(work()) == [30, 60, 120]


def test_the_wait_is_as_long_as_the_server_wishes() -> None:
    async def work() -> list[float]:
        time = FakeTime()
        circuit = Circuit(OPTIONS, time.clock)
        await fail(circuit, 3, retry_after=3000)
        await attempt(circuit)
        return time.slept

    assert run(work()) == [3000]


def test_one_probe_goes_while_the_others_wait_for_what_becomes_of_it() -> None:
    async def work() -> tuple[int, int]:
        circuit = Circuit(OPTIONS, FakeTime().clock)
        await fail(circuit, 3)
        going, released = 0, asyncio.Event()
        probing = asyncio.Event()

        async def one() -> None:
            nonlocal going
            async with circuit.passage() as passage:
                await passage.enter()
                going += 1
                probing.set()
                await released.wait()

        calls = [asyncio.create_task(one()) for _ in range(5)]
        await probing.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        alone = going
        released.set()
        await asyncio.gather(*calls)
        return alone, going

    assert run(work()) == (1, 5)


def test_a_cancelled_probe_leaves_its_turn_to_the_next() -> None:
    async def work() -> None:
        circuit = Circuit(OPTIONS, FakeTime().clock)
        await fail(circuit, 3)
        probing = asyncio.Event()

        async def probe() -> None:
            async with circuit.passage() as passage:
                await passage.enter()
                probing.set()
                await asyncio.Event().wait()

        first = asyncio.create_task(probe())
        await probing.wait()
        second = asyncio.create_task(attempt(circuit))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await second

    run(work())


def test_an_outage_costs_few_calls_and_ends_every_call(tmp_path: Path) -> None:
    async def work() -> tuple[list[Any], int, int]:
        circuit = CircuitOptions(failures=10, cool_down_seconds=30, probes=5)
        options: dict[str, Any] = {"concurrency": 4, "attempts": 50, "circuit": circuit}
        async with canned_server(Reply(503)) as server, opened(server.url, tmp_path, **options) as api:
            calls = (api.get(into=str(number)) for number in range(200))
            errors = await asyncio.gather(*calls, return_exceptions=True)
            return errors, len(server.requests), len(api.records)

    errors, requests, recorded = run(work())

    assert [type(error) for error in errors] == [OutageError] * 200
    assert requests == recorded
    assert 15 <= requests <= 10 + 5 + 3


def test_calls_go_on_when_the_api_is_back(tmp_path: Path) -> None:
    async def work() -> int:
        replies = [Reply(503)] * 12 + [Reply()]
        async with canned_server(*replies) as server, opened(server.url, tmp_path, concurrency=2, attempts=20) as api:
            answers = await asyncio.gather(*(api.get(into=str(number)) for number in range(30)))
            assert not any(answer.empty for answer in answers)
            return len(server.requests)

    assert run(work()) == 42
