"""A process that makes call after call on a budget too big to wait for; run as a module with the store's place.

Prints a line for each call once it is stamped, until it is killed.
"""

import asyncio
import sys

from optimove_pipeline.optimove.budget import Window, open_budget
from optimove_pipeline_tests.optimove.budget.places import store_at

WINDOWS = (Window(100_000, 10.0), Window(1_000_000, 3600.0))


async def _grab(place: str) -> None:
    budget = open_budget(store_at(place), "client", windows=WINDOWS)
    while True:
        await (await budget.acquire()).stamp()
        print(".", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_grab(sys.argv[1]))
