"""A lock between processes that tells those who wait who holds it.

The kernel wakes those who wait and takes a lock back from a process that dies, however it dies. So no time is lost
between polls, and nothing stale is ever in the way. It does not keep a process that has just let go from taking the
lock again before those it woke; so who wants the lock first takes a second one, the door, and keeps it until the
lock is its own. Whoever comes back finds others at the door.
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
    descriptor = _acquire(path, timeout)
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


def _acquire(path: Path, timeout: float) -> int:
    """Return the descriptor of the lock file, locked."""
    door, lock = (os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644) for file in (_door(path), path))
    try:
        fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if timeout <= 0:
            # Nobody is left behind in the kernel's queue, who would hold the lock for a moment when it is let go.
            os.close(door)
            os.close(lock)
            raise BusyError(_busy(path, timeout)) from None
        if not _wait(door, lock, timeout):
            raise BusyError(_busy(path, timeout)) from None
    else:
        os.close(door)
    return lock


def _door(path: Path) -> Path:
    return path.with_name(f"{path.name}.door")


def _wait(door: int, lock: int, timeout: float) -> bool:
    """Block in the kernel until both are ours, on a thread of its own, and return whether that was in time.

    A thread can't be called back from the kernel's queue: if nobody waits any more when its turn comes, it closes
    the lock, which passes it on.
    """
    turn = threading.Lock()
    granted = threading.Event()
    given_up = False

    def block() -> None:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(door)
        with turn:
            granted.set()
            if given_up:
                os.close(lock)

    threading.Thread(target=block, name="waits for a file lock", daemon=True).start()
    accepted = False
    try:
        accepted = granted.wait(timeout)
    finally:
        with turn:
            given_up = not accepted
            if given_up and granted.is_set():
                os.close(lock)
    return accepted


def _write_holder(descriptor: int, purpose: str) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(Holder(os.getpid(), command, purpose, since))).encode(), 0)


def _busy(path: Path, timeout: float) -> str:
    holder = read_holder(path) or "another process"
    return f"{path} has been held for {timeout:g} s by {holder}: wait for it to end or end it, then start again"
