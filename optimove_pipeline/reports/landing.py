"""Landing: the answers of calls already paid for, kept until their partition is complete.

A call has a folder ``<report>/<day>/<call id>``. Each of its pages is the raw answer, as it came, and once it is
read the rows as Parquet files and a marker that names them. A raw answer without its marker is read again, not
asked for again; so a process killed at any moment has lost only the answers that were still on their way. The raw
answer is on the disk before it counts, so that this holds for a machine that stops, too: rows that did not get there
are read from it again.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.errors import AnswerError, TransientError
from optimove_pipeline.files import flush, write_atomically
from optimove_pipeline.optimove.calls import Call

Frames = Callable[[Path], Iterator[pl.DataFrame]]
"""Reads a raw answer as frames of text columns."""

Stamps = tuple[tuple[str, str | None], ...]
"""Values of a request that its rows don't echo, by column."""

_CLAIM = "claim.json"
_LOCK = ".lock"
_ANSWER, _MARKER = ".answer", ".json"

_FRAMES_PER_FILE = 8
"""A page of 10,000 rows comes in some three frames: a file for each took 9 % more CPU here and 29 % in assembly."""


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A Parquet file of ``rows`` rows of a page, ``size`` bytes long."""

    path: Path
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Page:
    """One landed page: its first row's number, its rows, their files, and what its content adds up to.

    ``fingerprint`` is the same for the same rows in any order; ``size`` is the raw answer's bytes on disk.
    """

    skip: int
    rows: int
    files: tuple[RowsFile, ...]
    fingerprint: int
    size: int


@dataclass(frozen=True, slots=True)
class LandedCall:
    """The folder of one call's pages; ``frames`` reads a raw answer, ``stamps`` are what its rows don't echo."""

    folder: Path
    frames: Frames
    stamps: Stamps = ()

    def pages(self) -> list[Page]:
        """Return the landed pages in order, without gaps, reading raw answers that were not read yet."""
        pages: list[Page] = []
        skip = 0
        while (page := self._page(skip)) is not None:
            pages.append(page)
            if page.rows == 0:
                break
            skip += page.rows
        return pages

    def incoming(self, skip: int) -> Path:
        """Return where the answer that begins at row ``skip`` is received."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{skip:010d}.incoming"

    def keep(self, received: Path, skip: int) -> Page:
        """Keep an answer that has arrived whole, then read it.

        Raises:
            AnswerError, TransientError: it can't be read; it is not kept then, so that it is asked for again.
        """
        raw = self._raw(skip)
        raw.unlink(missing_ok=True)
        flush(received)
        os.link(received, raw)
        try:
            return self._read(raw, skip)
        except (AnswerError, TransientError):
            raw.unlink(missing_ok=True)
            raise

    def keep_empty(self, skip: int) -> Page:
        """Note that nothing begins at row ``skip``."""
        return self._mark(skip, {}, 0, 0)

    def forget(self, page: Page) -> None:
        """Remove a page that turned out not to be one."""
        self._marker(page.skip).unlink(missing_ok=True)
        self._raw(page.skip).unlink(missing_ok=True)

    def _raw(self, skip: int) -> Path:
        return self.folder / f"{skip:010d}{_ANSWER}"

    def _marker(self, skip: int) -> Path:
        return self.folder / f"{skip:010d}{_MARKER}"

    def _page(self, skip: int) -> Page | None:
        try:
            marker = json.loads(self._marker(skip).read_bytes())
        except FileNotFoundError:
            return self._unread_page(skip)
        page = self._landed(skip, marker)
        return page if all(map(_is_whole, page.files)) else self._unread_page(skip)

    def _unread_page(self, skip: int) -> Page | None:
        raw = self._raw(skip)
        if not raw.exists():
            return None
        try:
            return self._read(raw, skip)
        except (AnswerError, TransientError):
            raw.unlink()
            return None

    def _read(self, raw: Path, skip: int) -> Page:
        fingerprint, files = 0, dict[str, tuple[int, int]]()
        frames = (frame for frame in self.frames(raw) if not frame.is_empty())
        while held := list(islice(frames, _FRAMES_PER_FILE)):
            frame = stamped(pl.concat(held, how="diagonal"), self.stamps)
            name = f"{skip:010d}-{uuid.uuid4().hex[:8]}.parquet"
            frame.write_parquet(self.folder / name, compression="lz4", statistics=False)
            files[name] = frame.height, (self.folder / name).stat().st_size
            fingerprint = (fingerprint + sum(int(each.hash_rows(seed=0).sum()) for each in held)) % 2**63
        return self._mark(skip, files, fingerprint, raw.stat().st_size)

    def _mark(self, skip: int, files: dict[str, tuple[int, int]], fingerprint: int, size: int) -> Page:
        marker = {"files": files, "fingerprint": fingerprint, "size": size}
        write_atomically(self._marker(skip), json.dumps(marker).encode())
        return self._landed(skip, marker)

    def _landed(self, skip: int, marker: dict[str, Any]) -> Page:
        files = tuple(RowsFile(self.folder / name, *counts) for name, counts in marker["files"].items())
        return Page(skip, sum(file.rows for file in files), files, marker["fingerprint"], marker["size"])


def stamped(frame: pl.DataFrame, stamps: Stamps) -> pl.DataFrame:
    """Fill in what the rows don't echo from the request; a value that a row does have wins."""
    filled = []
    for column, value in stamps:
        stamp = pl.lit(value, pl.String)
        filled.append((pl.coalesce(pl.col(column), stamp) if column in frame.columns else stamp).alias(column))
    return frame.with_columns(filled)


class Landing:
    """The landed answers of all reports below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def call(self, call: Call, frames: Frames) -> LandedCall:
        """Return the folder of a planned call's pages."""
        return LandedCall(self._day(call.report, call.day) / call.id, frames, call.stamps)

    def lock(self, report: str, day: date) -> Path:
        """Return the lock file that whoever extracts a day holds, from before its claim until it is complete."""
        return self.root / report / f"{day.isoformat()}{_LOCK}"

    def claim(
        self,
        report: str,
        day: date,
        run_id: str,
        resumable: Callable[[str], bool],
        hours: float,
        *,
        asked: float = math.inf,
    ) -> bool:
        """Begin a day's extraction for a run; return whether it goes on with answers landed before.

        Answers are used again if the newest was landed within ``hours`` by this run, or by one that ``resumable``
        tells to have ended early; or if another run was at work on them since this one ``asked`` for the day (epoch
        seconds), since then they are as new as those it would get. Others are removed: who asks again for a day that
        was complete wants it anew.
        """
        folder = self._day(report, day)
        before = _claimed_by(folder)
        landed = _landed_at(folder)
        resumed = before is not None and (
            max(landed, _written_at(folder / _CLAIM)) >= asked
            or (time.time() - landed < hours * 3600 and (before == run_id or resumable(before)))
        )
        if not resumed:
            shutil.rmtree(folder, ignore_errors=True)
        self._write_claim(folder, run_id)
        return resumed

    def complete(self, report: str, day: date, run_id: str) -> None:
        """Note that a day's partition has been made of its answers just now."""
        self._write_claim(self._day(report, day), run_id)

    def discard(self, report: str, day: date) -> None:
        """Let no run go on with a day's answers: they were found broken, so they are to be asked for anew."""
        (self._day(report, day) / _CLAIM).unlink(missing_ok=True)

    def sweep(self, keep_days: float, now: float | None = None) -> int:
        """Remove answers landed over ``keep_days`` days ago; return of how many partitions."""
        oldest = (time.time() if now is None else now) - keep_days * 86_400
        folders = [folder for folder in self.root.glob("*/*") if folder.is_dir()]
        stale = [folder for folder in folders if max(_landed_at(folder), _written_at(folder / _CLAIM)) < oldest]
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        for lock in self.root.glob(f"*/*{_LOCK}"):
            if not lock.with_suffix("").exists() and _written_at(lock) < oldest:
                lock.unlink(missing_ok=True)
        return len(stale)

    def _write_claim(self, folder: Path, run_id: str) -> None:
        write_atomically(folder / _CLAIM, json.dumps({"run_id": run_id}).encode())

    def _day(self, report: str, day: date | None) -> Path:
        return self.root / report / (day.isoformat() if day else "look-up")


def _is_whole(file: RowsFile) -> bool:
    try:
        return file.path.stat().st_size == file.size
    except FileNotFoundError:
        return False


def _claimed_by(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / _CLAIM).read_bytes())["run_id"])
    except FileNotFoundError:
        return None


def _landed_at(folder: Path) -> float:
    """Return when a day's newest page was landed, in epoch seconds; 0 if none was."""
    pages = chain(folder.glob(f"*/*{_ANSWER}"), folder.glob(f"*/*{_MARKER}"))
    return max(map(_written_at, pages), default=0.0)


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
