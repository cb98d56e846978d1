"""The record of every call made, on its way to ``ops.api_calls``.

DuckDB takes one writer at a time, calls are made by many processes at once. So each process appends its calls to a
file of its own, and whoever opens the warehouse next takes in all files: those it wrote and those of processes that
have ended. Every call has an id, so taking in a file twice adds nothing.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from optimove_pipeline.optimove.calls import CallRecord

SUFFIX = ".ndjson"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What was spent on one report and day by this process."""

    calls: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0


class CallJournal:
    """Appends calls to this process's file below ``folder``; safe to use from several threads."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.folder = folder
        self.run_id = run_id
        self.tallies: dict[tuple[str, date | None], Tally] = defaultdict(Tally)
        self._lock = threading.Lock()
        self._file: int | None = None

    def record(self, call: CallRecord) -> None:
        """Append one call, whole or not at all, and count it."""
        line = json.dumps(_row(call, self.run_id), default=str) + "\n"
        with self._lock:
            if self._file is None:
                self._file = self._open()
            os.write(self._file, line.encode())
            tally = self.tallies[call.report, call.day]
            tally.calls += 1
            tally.waited_seconds += call.waited_seconds
            tally.seconds += call.milliseconds / 1000

    def flush(self, insert: Callable[[list[dict[str, Any]]], object]) -> None:
        """Hand the calls of this process and of ended ones to ``insert``, then remove their files."""
        with self._lock:
            self._close()
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            with _held(path) as held:
                if held:
                    insert([*_rows(path)])
                    path.unlink()

    def close(self) -> None:
        """Let go of the file; its calls are taken in by the next ``flush`` of any process."""
        with self._lock:
            self._close()

    def _open(self) -> int:
        """Return a new file that is locked before any other process can see it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid.uuid4().hex}{SUFFIX}"
        unseen = path.with_suffix(".new")
        file = os.open(unseen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        fcntl.flock(file, fcntl.LOCK_EX)
        unseen.rename(path)
        return file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold a file while the block runs; yield whether that can be: no living process writes it, it is still there."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _locked(file) and path.exists()
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a file's calls; a line cut by the end of its process, or by a full disk, is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            logger.warning("%s: a call was not recorded whole and is left out of ops.api_calls", path)


def _row(call: CallRecord, run_id: str) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "report": call.report or None,
        "report_date": call.day,
        "function": call.function,
        "parameters": call.parameters,
        "status": call.status,
        "rows": call.rows,
        "milliseconds": round(call.milliseconds, 3),
        "waited_seconds": round(call.waited_seconds, 3),
        "attempt": call.attempt,
        "outcome": call.outcome,
        "called_at": call.at.isoformat(),
        "run_id": run_id,
    }
