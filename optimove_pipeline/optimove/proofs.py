"""Which functions are proven to exist, so that a wrong address is not taken for no data (reference, section 1.6)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from optimove_pipeline.files import write_atomically

logger = logging.getLogger(__name__)


class Proofs:
    """The functions below one base URL that have answered with JSON rows, also remembered in a file if one is given.

    Processes may share the file; a proof that two of them write at once and one loses is found again.
    """

    def __init__(self, base_url: str, file: Path | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._file = file
        self._proven = set(self._held().get(self._base_url, ()))
        self._undecided: Counter[str] = Counter()
        self._decided = asyncio.Condition()

    @property
    def any(self) -> bool:
        """Whether anything below the base URL is proven to be the API."""
        return bool(self._proven)

    @asynccontextmanager
    async def undecided(self, function: str) -> AsyncIterator[None]:
        """Count a call of a function as one that may still prove it."""
        self._undecided[function] += 1
        try:
            yield
        finally:
            self._undecided[function] -= 1
            await self._tell()

    async def add(self, function: str) -> None:
        """Note that a function has answered with rows, or with none as JSON."""
        if function in self._proven:
            return
        self._proven.add(function)
        await self._tell()
        if self._file is not None:
            await asyncio.to_thread(self._write)

    async def proven_by_then(self, function: str) -> bool:
        """Return whether the function is proven once all calls of it that are on their way are decided.

        To be asked by a call that is ``undecided`` itself; it counts as decided while it waits.
        """
        self._undecided[function] -= 1
        try:
            await self._tell()
            async with self._decided:
                await self._decided.wait_for(lambda: function in self._proven or not self._undecided[function])
        finally:
            self._undecided[function] += 1
        return function in self._proven

    async def _tell(self) -> None:
        async with self._decided:
            self._decided.notify_all()

    def _held(self) -> dict[str, list[str]]:
        if self._file is None or not self._file.exists():
            return {}
        try:
            held = json.loads(self._file.read_bytes())
            return {str(url): [str(function) for function in functions] for url, functions in held.items()}
        except (ValueError, AttributeError, TypeError):
            logger.warning("%s is not a file of proven functions; it is written anew", self._file)
            return {}

    def _write(self) -> None:
        if self._file is not None:
            held = self._held()
            held[self._base_url] = sorted(self._proven.union(held.get(self._base_url, ())))
            write_atomically(self._file, json.dumps(held, indent=1).encode())
