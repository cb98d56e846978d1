"""A lock between processes that tells those who wait who holds it.

The kernel hands the lock on to the next waiter and takes it back from a process that dies, however it dies. So
waiting is fair, no time is lost between polls, and nothing stale is ever in the way.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from optimove_pipeline.errors import BusyError


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock: what it said of itself on taking it."""

    pid: int
    command: str
    purpose: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) for {self.purpose}, since {self.since}"


@contextmanager
def locked(path: Path, purpose: str, timeout: float) -> Iterator[None]:
    """Hold the lock file ``path`` alone; wait for at most ``timeout`` seconds.

    Not re-entrant: a thread that holds the lock and asks again waits for itself until the time is over.

    Raises:
        BusyError: the time is over; the message names the holder and what to do.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    _acquire(descriptor, path, timeout)
    try:
        _write_holder(descriptor, purpose)
        yield
    finally:
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def read_holder(path: Path) -> Holder | None:
    """Return who holds, or last held and died with, the lock file; None where nobody has said."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _acquire(descriptor: int, path: Path, timeout: float) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _wait(descriptor, timeout):
            raise BusyError(_busy(path, timeout)) from None


def _wait(descriptor: int, timeout: float) -> bool:
    """Block in the kernel's queue, on a thread of its own, since only there the wait is fair.

    A thread can't be called back from that queue: if nobody waits any more when its turn comes, it closes the
    file, which passes the lock on.
    """
    turn = threading.Lock()
    granted = threading.Event()
    given_up = False

    def block() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with turn:
            granted.set()
            if given_up:
                os.close(descriptor)

    threading.Thread(target=block, name="waits for a file lock", daemon=True).start()
    accepted = False
    try:
        accepted = granted.wait(timeout)
    finally:
        with turn:
            given_up = not accepted
            if given_up and granted.is_set():
                os.close(descriptor)
    return accepted


def _write_holder(descriptor: int, purpose: str) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(Holder(os.getpid(), command, purpose, since))).encode(), 0)


def _busy(path: Path, timeout: float) -> str:
    holder = read_holder(path) or "another process"
    return f"{path} has been held for {timeout:g} s by {holder}: wait for it to end or end it, then start again"
