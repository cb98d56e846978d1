"""Signs of life: each process of a run under way holds a lock file, which the kernel takes back when it dies.

Dagster can't tell by itself that the process of a run is gone once its own have been restarted, nor ever of a run of
the command line. Such a run would be shown as started for ever, and take one of the places of runs under way.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sign_of_life(data_dir: Path, run_id: str) -> Iterator[None]:
    """Show, until the block ends, that this process of a run is alive."""
    file = _folder(data_dir) / f"{run_id}.{uuid.uuid4().hex}"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Locked before it can be seen, or it would look dead for a moment.
        partial.replace(file)
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def lost_runs(data_dir: Path) -> list[str]:
    """Return the ids of runs, in order, of which a process died without an end, and no other is alive."""
    signs: dict[str, list[bool]] = {}
    for file in _folder(data_dir).glob("[!.]*"):
        signs.setdefault(file.name.partition(".")[0], []).append(_held(file))
    return sorted(run_id for run_id, held in signs.items() if not any(held))


def forget(data_dir: Path, run_id: str) -> None:
    """Take a lost run off the list."""
    for file in _folder(data_dir).glob(f"{run_id}.*"):
        file.unlink(missing_ok=True)


def _held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # it has just ended, in order
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _folder(data_dir: Path) -> Path:
    return data_dir / "state" / "runs"
