"""The circuit: after too many failures in a row no call goes out, so that an outage does not burn the budget."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from optimove_pipeline.errors import ApiError, OutageError, TransientError
from optimove_pipeline.optimove.budget import Clock
from optimove_pipeline.optimove.options import CircuitOptions

logger = logging.getLogger(__name__)


class Circuit:
    """The circuit of one client, through which each of its calls passes.

    Closed, it lets all calls go. ``failures`` in a row open it: calls wait, and after the cool-down one of them goes
    as a probe. A success closes it; a failed probe doubles the cool-down, and after ``probes`` of them every call
    raises OutageError.
    """

    def __init__(self, options: CircuitOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._failures = 0
        self._failed_probes = 0
        self._reopens: float | None = None
        self._probing = False
        self._settled = asyncio.Event()
        self._last_error = ""

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[Passage]:
        """Pass a call through the circuit, which learns from how the block ends.

        A TransientError is a failure, any other answer of the API a success. Raises OutageError once the circuit
        has given up.
        """
        passage = Passage(self)
        try:
            yield passage
        except OutageError:
            raise
        except TransientError as error:
            self._failed(error, passage)
            raise
        except ApiError:
            self._succeeded(passage)
            raise
        else:
            self._succeeded(passage)
        finally:
            self._end_probe(passage)

    async def enter(self) -> bool:
        """Wait until a call may go, and return whether it goes as the probe."""
        while self._reopens is not None:
            self._raise_if_given_up()
            if self._probing:
                await self._settled.wait()
            elif (left := self._reopens - self._clock.monotonic()) > 0:
                await self._clock.sleep(left)
            else:
                self._probing = True
                self._settled.clear()
                return True
        return False

    def _raise_if_given_up(self) -> None:
        if self._failed_probes >= self._options.probes:
            raise OutageError(
                f"the Optimove API failed {self._failures} times in a row, the last {self._failed_probes} of them as "
                f"probes, so no more calls are made. Answers that had arrived are kept: run again later and it goes "
                f"on from there. The last failure: {self._last_error}"
            )

    def _failed(self, error: TransientError, passage: Passage) -> None:
        if not passage.entered:
            return
        self._failures += 1
        self._failed_probes += passage.probe
        self._last_error = str(error)
        if passage.probe or (self._reopens is None and self._failures >= self._options.failures):
            self._open(error.retry_after or 0)

    def _open(self, retry_after: float) -> None:
        cool_down = max(self._options.cool_down_seconds * 2**self._failed_probes, retry_after)
        self._reopens = self._clock.monotonic() + cool_down
        logger.error(
            "The Optimove API failed %d times in a row: no calls for %.0f s, then one to probe. The last failure: %s",
            self._failures,
            cool_down,
            self._last_error,
        )

    def _succeeded(self, passage: Passage) -> None:
        if not passage.entered:
            return
        if self._reopens is not None:
            logger.info("The Optimove API answers again after %d failures in a row", self._failures)
        self._failures = self._failed_probes = 0
        self._reopens = None
        self._settled.set()

    def _end_probe(self, passage: Passage) -> None:
        if passage.probe:
            self._probing = False
            self._settled.set()


@dataclass(slots=True)
class Passage:
    """One call's way through the circuit. Whoever never enters teaches the circuit nothing."""

    circuit: Circuit
    entered: bool = False
    probe: bool = False

    async def enter(self) -> None:
        """Wait until the call may go; raises OutageError once the circuit has given up.

        To be awaited again after other waiting, since the circuit may have opened meanwhile.
        """
        if not self.probe:
            self.probe = await self.circuit.enter()
        self.entered = True
