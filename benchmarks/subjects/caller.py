"""One of many processes that make as many calls as their budget allows.

Run as ``python -m benchmarks.subjects.caller URL KEY BUDGET_FILE WINDOWS SECONDS``. Says ``ready``, waits for a line
of input, and calls until the seconds are over.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from functools import partial
from pathlib import Path

import httpx

from optimove_pipeline.optimove.budget import Budget, FileStore, Grant, Window, open_budget

_CALLS_AT_ONCE = 20


async def call(url: str, key: str, budget_file: Path, windows: list[Window], seconds: float) -> None:
    """Make calls to ``url`` for ``seconds``, on the budget in ``budget_file``, whatever the answers."""
    budget = open_budget(FileStore(budget_file), "benchmark", windows=windows)
    async with aclosing(budget), httpx.AsyncClient(timeout=30, headers={"X-API-KEY": key}) as client:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        calling = [asyncio.create_task(_keep_calling(budget, client, url)) for _ in range(_CALLS_AT_ONCE)]
        done, unfinished = await asyncio.wait(calling, timeout=seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.wait(calling)
        for task in done:
            task.result()


async def _keep_calling(budget: Budget, client: httpx.AsyncClient, url: str) -> None:
    while True:
        grant = await budget.acquire()
        await client.get(url, extensions={"trace": partial(_stamp_when_sent, grant)})


async def _stamp_when_sent(grant: Grant, event: str, _: object) -> None:
    if event == "http11.send_request_headers.started":
        await grant.stamp()


def main() -> None:
    """Take the orders from the command line."""
    url, key, budget_file, windows, seconds = sys.argv[1:]
    limits = [Window(calls, span) for calls, span in json.loads(windows)]
    asyncio.run(call(url, key, Path(budget_file), limits, float(seconds)))


if __name__ == "__main__":
    main()
