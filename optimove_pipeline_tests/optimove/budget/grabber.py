"""Processes that make call after call on a budget too big to wait for; run as a module with the store's place.

For each line of input one is forked from this one, which has loaded all it needs. It prints its id, and a dot for
each call once it is stamped, until it is killed; then ``ended`` is printed.
"""

import asyncio
import multiprocessing
import os
import sys

from optimove_pipeline.optimove.budget import Window, open_budget
from optimove_pipeline_tests.optimove.budget.places import store_at

WINDOWS = (Window(100_000, 10.0), Window(1_000_000, 3600.0))


async def _grab(place: str) -> None:
    print(os.getpid(), flush=True)  # noqa: T201
    budget = open_budget(store_at(place), "client", windows=WINDOWS)
    while True:
        await (await budget.acquire()).stamp()
        # In one go, which no kill can cut in two; print may write the end of the line apart.
        os.write(sys.stdout.fileno(), b".\n")


def _run(place: str) -> None:
    asyncio.run(_grab(place))


def main(place: str) -> None:
    """Run one after the other."""
    for _ in sys.stdin:
        process = multiprocessing.get_context("fork").Process(target=_run, args=(place,))
        process.start()
        process.join()
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
