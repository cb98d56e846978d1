"""A process that makes as many calls as its budget allows; run as a module with its orders as JSON.

Says ``ready``, waits for a line of input, calls until the seconds of its orders are over or their calls are made,
and prints its usage.
"""

import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat

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


async def _hammer(orders: Orders) -> None:
    budget = open_budget(
        store_at(orders.store),
        "client",
        windows=[Window(calls, seconds) for calls, seconds in orders.windows],
        call_class=CallClass(orders.call_class),
        guard=orders.guard,
    )
    async with aclosing(budget), httpx.AsyncClient(timeout=30, headers=SANDBOX_HEADERS) as client:
        print("ready", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.readline)
        calls = [asyncio.create_task(_call_on(budget, client, orders.url, orders.calls)) for _ in range(orders.tasks)]
        done, unfinished = await asyncio.wait(calls, timeout=orders.seconds)
        for call in unfinished:
            call.cancel()
        await asyncio.wait(calls)
        for call in done:
            call.result()
    print(json.dumps(asdict(budget.usage), default=str), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_hammer(Orders(**json.loads(sys.argv[1]))))
