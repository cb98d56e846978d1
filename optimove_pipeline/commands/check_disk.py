"""Checks of this machine: room on the disk, and whether the warehouse can be had."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from optimove_pipeline.commands.findings import Finding, failed, passed, warned
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import BusyError
from optimove_pipeline.warehouse import Warehouse

LOOK_BACK_DAYS = 7
LEAST_DAYS, FEW_DAYS = 2, 14
"""Days that the free space has to last, by the largest of the last days: fewer fail, or are warned of."""
LEAST_BYTES = 200_000_000

PATIENCE_SECONDS = 2.0

_GROWING = ("landing", "staging", "packages", "outbox")
"""Folders of the data directory that each day adds to."""


def free_bytes(folder: Path) -> int:
    """Return the room that is left on a folder's disk."""
    return shutil.disk_usage(folder).free


def check_disk(settings: Settings, now: datetime, free: Callable[[Path], int] = free_bytes) -> Iterator[Finding]:
    """Yield whether the data directory can be written, and for how many days like the last ones there is room."""
    folder = next(each for each in (settings.data_dir, *settings.data_dir.parents) if each.exists())
    if not os.access(folder, os.W_OK):
        yield failed("disk", f"{folder} can't be written by this user: give it the right, or set OPTIMOVE_DATA_DIR")
        return
    try:
        room, day = free(folder), _largest_day(settings.data_dir, now)
    except OSError as error:
        yield failed("disk", f"{folder}: {error.strerror}")
        return
    days = room / day if day else None
    lasts = "" if days is None else f", as much as {days:,.0f} days like the largest of the last {LOOK_BACK_DAYS}"
    text = f"{_size(room)} free for {settings.data_dir}{lasts}"
    fix = "make room, or shorten retention.landing_days, staging_days and package_days"
    if room < LEAST_BYTES or (days is not None and days < LEAST_DAYS):
        yield failed("disk", f"{text}: {fix}")
    elif days is not None and days < FEW_DAYS:
        yield warned("disk", f"{text}: {fix}")
    else:
        yield passed("disk", text)


def check_warehouse(settings: Settings, patience: float = PATIENCE_SECONDS) -> Iterator[Finding]:
    """Yield whether the warehouse opens; another process that has it is only told of."""
    path = settings.warehouse_path
    if not path.exists():
        yield passed("warehouse", f"{path} is not there yet: the first run makes it")
        return
    try:
        with Warehouse(path, lock_timeout=patience).open("checking it"):
            yield passed("warehouse", f"{path} opens")
    except BusyError as error:
        yield warned("warehouse", str(error))
    except duckdb.Error as error:
        why = str(error).partition("\n")[0]
        yield failed("warehouse", f"{path}: {why}; bring it back from a backup, or move it away and publish again")


def _largest_day(data_dir: Path, now: datetime) -> int:
    """Return the most bytes that were written on one of the last days and are still there."""
    since, days = (now - timedelta(days=LOOK_BACK_DAYS)).timestamp(), Counter[str]()
    for root in _GROWING:
        for folder, _, files in os.walk(data_dir / root):
            for name in files:
                _count(Path(folder, name), since, days)
    return max(days.values(), default=0)


def _count(file: Path, since: float, days: Counter[str]) -> None:
    try:
        found = file.stat()
    except FileNotFoundError:
        # A run has just removed it.
        return
    if found.st_mtime >= since:
        days[f"{datetime.fromtimestamp(found.st_mtime, UTC):%Y-%m-%d}"] += found.st_size


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
