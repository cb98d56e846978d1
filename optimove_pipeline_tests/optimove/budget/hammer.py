"""Processes that make as many calls as their budget allows; run as a module with a list of their orders as JSON.

They are forked from one that has loaded all they need. It prints their ids once all are ready, lets them go at the
end of its input, and ends well when they have made their calls or their seconds are over; those killed don't count.
"""

import asyncio
import json
import multiprocessing
import signal
import sys
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from multiprocessing.synchronize import Barrier, Event

import httpx

from optimove_pipeline.optimove.budget import Budget, CallClass, Grant, Window, open_budget
from optimove_pipeline_tests.optimove.budget.places import store_at

SANDBOX_HEADERS = {"X-API-KEY": "sandbox-key"}
"""What the sandbox lets in; other servers don't ask."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What one hammer does: ``tasks`` calls at once, for ``seconds`` or until each has made ``calls``, to ``url``.

    The guard is wide because here a call's way to the server varies by what else keeps the same few cores busy.
    """

    store: str
    url: str
    windows: list[tuple[int, float]]
    seconds: float
    call_class: str = "daily"
    tasks: int = 20
    calls: int | None = None
    guard: float = 0.4


async def _stamp_when_sent(grant: Grant, event: str, _: object) -> None:
    if event == "http11.send_request_headers.started":
        await grant.stamp()


async def _call_on(budget: Budget, client: httpx.AsyncClient, url: str, calls: int | None) -> None:
    for _ in repeat(None) if calls is None else repeat(None, calls):
        grant = await budget.acquire()
        await client.get(url, extensions={"trace": partial(_stamp_when_sent, grant)})


async def _hammer(orders: Orders, ready: Barrier, go: Event) -> None:
    budget = open_budget(
        store_at(orders.store),
        "client",
        windows=[Window(calls, seconds) for calls, seconds in orders.windows],
        call_class=CallClass(orders.call_class),
        guard=orders.guard,
    )
    async with aclosing(budget), httpx.AsyncClient(timeout=30, headers=SANDBOX_HEADERS) as client:
        await asyncio.to_thread(ready.wait)
        await asyncio.to_thread(go.wait)
        calls = [asyncio.create_task(_call_on(budget, client, orders.url, orders.calls)) for _ in range(orders.tasks)]
        done, unfinished = await asyncio.wait(calls, timeout=orders.seconds)
        for call in unfinished:
            call.cancel()
        await asyncio.wait(calls)
        for call in done:
            call.result()


def _run(orders: Orders, ready: Barrier, go: Event) -> None:
    asyncio.run(_hammer(orders, ready, go))


def main(orders: list[Orders]) -> bool:
    """Run all, and return whether those that were not killed ended well."""
    forking = multiprocessing.get_context("fork")
    ready, go = forking.Barrier(len(orders) + 1), forking.Event()
    hammers = [forking.Process(target=_run, args=(each, ready, go)) for each in orders]
    for hammer in hammers:
        hammer.start()
    ready.wait()
    print(json.dumps([hammer.pid for hammer in hammers]), flush=True)  # noqa: T201
    sys.stdin.read()
    go.set()
    for hammer in hammers:
        hammer.join()
    return {hammer.exitcode for hammer in hammers} <= {0, -signal.SIGKILL}


if __name__ == "__main__":
    sys.exit(0 if main([Orders(**each) for each in json.loads(sys.argv[1])]) else 1)
