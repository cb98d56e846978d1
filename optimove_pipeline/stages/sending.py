"""Sending the parts of a package over several connections, each as often as it takes, none of them twice."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.targets.errors import TargetError, UnreachableError
from optimove_pipeline.targets.target import Found, Part, Session, Target

_LONGEST_PAUSE = 60.0

logger = logging.getLogger(__name__)

Item = tuple[Entry, Part]


def send_all(items: Sequence[Item], target: Target, ledger: Ledger, run_id: str, pause: float) -> None:
    """Send parts over as many connections as the target takes.

    Raises:
        TargetError: the first part that failed for good; those under way are ended, no further one is begun.
    """
    queue: SimpleQueue[Item] = SimpleQueue()
    for item in items:
        queue.put(item)
    stop = Event()
    couriers = min(target.connections, len(items))
    with ThreadPoolExecutor(couriers, thread_name_prefix=f"deliver-{target.name}") as pool:
        every = [_Courier(target, ledger, run_id, pause, stop, sweeps=number == 0) for number in range(couriers)]
        runs = [pool.submit(courier.run, queue) for courier in every]
        try:
            for run in as_completed(runs):
                run.result()
        finally:
            # Also where this thread is interrupted, so that it does not wait for parts that are not begun yet.
            stop.set()


def settle(entries: Sequence[Entry], target: Target, ledger: Ledger) -> list[Entry]:
    """Return files as the target shows them to be, recorded: no try to send them is left of which it is not known.

    Raises:
        TargetError: the target can't be asked.
    """
    if not any(_is_in_doubt(entry) for entry in entries):
        return list(entries)
    with target.session() as session:
        return [_settled(entry, session, ledger) if _is_in_doubt(entry) else entry for entry in entries]


def _is_in_doubt(entry: Entry) -> bool:
    return entry.attempts > 0 and entry.state is not State.DELIVERED


def _settled(entry: Entry, session: Session, ledger: Ledger) -> Entry:
    # Only its name, size and hash are asked for: the file itself may be gone.
    part = Part(Path(), entry.name, entry.rows, entry.bytes, entry.sha256)
    found = session.look(part)
    if found is not None and found.is_whole(part):
        return ledger.deliver(entry)
    if entry.state is not State.VERIFIED:
        return entry
    if found is None and not session.is_waiting(part):
        return ledger.deliver(entry)
    return ledger.restart(entry)


@dataclass(slots=True)
class _Courier:
    """Takes parts from a queue, one after the other, over a connection of its own; one of them ``sweeps`` then."""

    target: Target
    ledger: Ledger
    run_id: str
    pause: float
    stop: Event
    sweeps: bool
    _stack: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None

    def run(self, queue: SimpleQueue[Item]) -> None:
        """Send parts until there are none left or another courier has failed."""
        try:
            while not self.stop.is_set():
                self._send(*queue.get_nowait())
        except Empty:
            if self.sweeps and self._session is not None:
                self._sweep(self._session)
        finally:
            self._stack.close()

    def _send(self, entry: Entry, part: Part) -> None:
        """Try until the part is delivered, or the attempts are used up."""
        for attempt in range(1, self.target.attempts + 1):
            delivery = _Delivery(self.target, self.ledger, entry, part)
            try:
                delivery.carry_out(self._connected(), self.run_id)
            except UnreachableError as error:
                self._disconnect()
                if attempt == self.target.attempts:
                    raise
                logger.warning("%s: try %d of %d: %s", part.name, attempt, self.target.attempts, error)
                if self.stop.wait(self._pause(attempt)):
                    raise
            else:
                return
            entry = delivery.entry

    def _sweep(self, session: Session) -> None:
        """Remove what earlier runs have left, but for files of which the ledger needs to know if they are there."""
        keep = {entry.name for entry in self.ledger.unfinished(self.target.name)}
        try:
            swept = session.sweep(keep)
        except TargetError as error:
            logger.warning("files that earlier runs have left behind are not removed: %s", error)
        else:
            for name in swept:
                logger.info("%s: removed %s, left behind by an earlier run", self.target.place, name)

    def _connected(self) -> Session:
        if self._session is None:
            self._session = self._stack.enter_context(self.target.session())
        return self._session

    def _disconnect(self) -> None:
        self._session = None
        self._stack.close()

    def _pause(self, attempt: int) -> float:
        longest: float = min(self.pause * 2 ** (attempt - 1), _LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads the tries, guards no secret


@dataclass(slots=True)
class _Delivery:
    """One try to deliver one part; ``entry`` is its record, and ``is_verified`` is how far this try has come."""

    target: Target
    ledger: Ledger
    entry: Entry
    part: Part
    is_verified: bool = False

    def carry_out(self, session: Session, run_id: str) -> None:
        """Deliver the part, unless what is there tells that it was; record either."""
        self.entry = self.ledger.begin(self.entry, run_id)
        try:
            if not self._is_there(session):
                session.send(self.part, self._verified)
        except PipelineError as error:
            # What refuses the last step has not done it.
            refused = self.is_verified and not isinstance(error, UnreachableError)
            self.entry = self.ledger.fail(self.entry, str(error), in_doubt=not refused)
            raise
        self.entry = self.ledger.deliver(self.entry)

    def _verified(self) -> None:
        self.entry = self.ledger.verify(self.entry)
        self.is_verified = True

    def _is_there(self, session: Session) -> bool:
        found = session.look(self.part)
        if found is not None:
            return self._is_ours(session, found)
        if self.entry.state is not State.VERIFIED:
            return False
        if session.is_waiting(self.part):
            self.entry = self.ledger.restart(self.entry)
            return False
        logger.warning(
            "%s: %s was verified by an earlier try and is gone: the receiver has taken it, it is not sent again",
            self.target.place,
            self.part.name,
        )
        return True

    def _is_ours(self, session: Session, found: Found) -> bool:
        """Return whether what lies there is the part; if it is a broken one of ours, remove it."""
        if found.is_whole(self.part) and (found.sha256 is not None or self.entry.attempts > 1):
            return True
        if self.target.in_place and (self.entry.attempts > 1 or self.ledger.was_begun_before(self.entry)):
            session.discard(self.part)
            return False
        what = "which we may not read" if found.sha256 is None and found.bytes == self.part.bytes else "not this part"
        raise TargetError(
            f"{self.target.place}: {self.part.name} is there already with {found.bytes:,} bytes, {what} "
            f"({self.part.bytes:,} bytes), and nothing is ever overwritten: remove it there, or redeliver the day "
            "with a reason, under new names"
        )
