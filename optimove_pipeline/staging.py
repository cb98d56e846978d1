"""Where partitions lie between the stages, written whole or not at all.

A partition is a folder ``<stage>/<feed>/<day>`` that holds a manifest and the Parquet parts that the manifest
names. Parts are written under names that no other writer uses; replacing the manifest, one atomic rename, is what
makes a partition appear or change. So a writer killed at any moment leaves the old partition, and of two writers
the last one wins whole. Parts that no manifest names any more stay for a day, for those who are reading them still.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.partition_keys import Month, partition_key, partition_of

ROWS_PER_PART = 122_880
"""Rows of a part: one row group of DuckDB, so that a part is loaded without being cut, and little memory."""

_MANIFEST = "manifest.json"
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of a partition; all of its rows have the ``numbers`` (columns of UInt32) besides."""

    file: Path
    numbers: dict[str, int]

    def read(self, columns: Sequence[str]) -> pl.DataFrame:
        """Return all rows in the columns given; a column that the part lacks is null text."""
        present = pl.read_parquet_schema(self.file)
        frame = pl.read_parquet(self.file, columns=[name for name in columns if name in present])
        fixed = [pl.lit(number, pl.UInt32).alias(name) for name, number in self.numbers.items() if name in columns]
        lacking = [name for name in columns if name not in present and name not in self.numbers]
        return frame.with_columns(*fixed, *(pl.lit(None, pl.String).alias(name) for name in lacking)).select(columns)


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one feed at one stage; ``day`` is a datetime where the feed's partitions are hours.

    ``parts`` are in the order of the rows; ``columns`` maps column name to Polars dtype, united over the parts,
    which may each lack some columns; ``metadata`` is what the stage noted about the day.
    """

    stage: str
    feed: str
    day: date
    parts: tuple[Part, ...]
    rows: int
    columns: dict[str, str]
    metadata: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        """The parts' files."""
        return [part.file for part in self.parts]

    def scan(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Return the named text columns of all rows, lazily; a column that a part lacks is null there."""
        schema = dict.fromkeys(columns, pl.String())
        if not self.parts:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(self.files, schema=schema, missing_columns="insert", extra_columns="ignore").select(
            columns
        )


@dataclass(slots=True)
class PartWriter:
    """Collects frames and writes them as parts of ``rows_per_part`` rows; ``metadata`` goes to the manifest.

    ``parts`` are the files by name, each with the numbers that its rows have besides.
    """

    folder: Path
    rows_per_part: int = ROWS_PER_PART
    metadata: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    _prefix: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _held: int = 0
    _writing: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1, "writes parts behind"))
    _behind: Future[None] | None = None

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows. The columns of an empty frame count, so that an empty day keeps its schema."""
        self.columns |= {name: str(dtype) for name, dtype in frame.schema.items() if name not in self.columns}
        if frame.is_empty():
            return
        self._frames.append(frame)
        self._held += frame.height
        while self._held >= self.rows_per_part:
            self._write_part()

    @property
    def total(self) -> int:
        """Rows written so far, those not yet in a part included."""
        return self.rows + self._held

    def link(self, file: Path, rows: int, numbers: dict[str, int]) -> None:
        """Add a Parquet file of text columns as a part of its own, without a copy; its rows get the ``numbers``.

        It comes before rows that are not in a part yet.
        """
        schema = {**pl.read_parquet_schema(file), **dict.fromkeys(numbers, pl.UInt32())}
        self.columns |= {name: str(dtype) for name, dtype in schema.items() if name not in self.columns}
        os.link(file, self.folder / self._next(numbers))
        self.rows += rows

    def flush(self) -> None:
        """Write the rows held so far as one part, and wait until all parts are written."""
        if self._frames:
            self._write_part()
        self._wait()

    def close(self) -> None:
        """End the thread that writes; without ``flush`` parts may be broken."""
        self._writing.shutdown()

    def clear(self) -> None:
        """Take back all rows; the columns stay."""
        behind, self._behind = self._behind, None
        if behind is not None:
            wait([behind])
        for name in self.parts:
            (self.folder / name).unlink(missing_ok=True)
        self.parts.clear()
        self._frames.clear()
        self.rows = self._held = 0

    def _write_part(self) -> None:
        held = pl.concat(self._frames, how="diagonal_relaxed")
        part, rest = held.head(self.rows_per_part), held.slice(self.rows_per_part)
        # The next rows are made while this part is written; two parts at most are in memory.
        self._wait()
        self._behind = self._writing.submit(_write, part, self.folder / self._next({}))
        self.rows += part.height
        self._frames = [] if rest.is_empty() else [rest]
        self._held = rest.height

    def _wait(self) -> None:
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.result()

    def _next(self, numbers: dict[str, int]) -> str:
        name = f"{self._prefix}-{len(self.parts):05d}.parquet"
        self.parts[name] = numbers
        return name


class Staging:
    """The partitions of all stages below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, feed: str, day: date) -> Path:
        """Return the folder of a partition, whether or not it exists."""
        return self.root / stage / feed / partition_key(day)

    def find(self, stage: str, feed: str, day: date) -> Partition | None:
        """Return a partition, or None if it was never written whole."""
        folder = self.folder(stage, feed, day)
        manifest = _read_manifest(folder)
        if manifest is None:
            return None
        return Partition(
            stage=stage,
            feed=feed,
            day=day,
            parts=tuple(Part(folder / name, numbers) for name, numbers in manifest["parts"].items()),
            rows=manifest["rows"],
            columns=manifest["columns"],
            metadata=manifest["metadata"],
        )

    def open(self, stage: str, feed: str, day: date) -> Partition:
        """Return a partition.

        Raises:
            PartitionError: it is not there; the message names the asset to materialise first.
        """
        partition = self.find(stage, feed, day)
        if partition is None:
            raise PartitionError(f"{stage}/{feed} of {partition_key(day)} is not there: materialise it first")
        return partition

    def days(self, stage: str, feed: str) -> list[date]:
        """Return the days, or hours, held of a feed at a stage, oldest first; not the months of history."""
        return [each for each in self.partitions(stage, feed) if not isinstance(each, Month)]

    def counts(self, stage: str, feed: str, like: date | None = None) -> dict[date, int]:
        """Return the rows of each day held of a feed at a stage, oldest first.

        Of a data set whose cadence has changed there are days and hours: only those are meant that are ``like`` this.
        """
        days = [day for day in self.days(stage, feed) if like is None or type(day) is type(like)]
        held = {day: self.find(stage, feed, day) for day in days}
        return {day: partition.rows for day, partition in held.items() if partition is not None}

    def newest(self, stage: str, feed: str, until: date | None = None) -> date | None:
        """Return the newest day held, not after ``until``."""
        return max((day for day in self.days(stage, feed) if until is None or day <= until), default=None)

    def partitions(self, stage: str, feed: str) -> list[date]:
        """Return all partitions held of a feed at a stage, in the order of their keys, months of history too."""
        found = (self.root / stage / feed).glob(f"*/{_MANIFEST}")
        return [partition_of(key) for key in sorted(manifest.parent.name for manifest in found)]

    def remove(self, stage: str, feed: str, day: date) -> None:
        """Remove a partition: nobody finds it any more; who has opened it can still read it."""
        (self.folder(stage, feed, day) / _MANIFEST).unlink(missing_ok=True)

    def sweep(self, keep_days: float, now: float | None = None) -> int:
        """Remove partitions written over ``keep_days`` days ago, but the newest of each feed; return how many.

        Parts that no manifest names go after a day: those that were replaced, and those of a killed writer.
        """
        now = time.time() if now is None else now
        removed = 0
        for feed in [folder for folder in self.root.glob("*/*") if folder.is_dir()]:
            for day in self.partitions(feed.parent.name, feed.name)[:-1]:
                if _age(feed / partition_key(day) / _MANIFEST, now) > keep_days * _DAY_SECONDS:
                    self.remove(feed.parent.name, feed.name, day)
                    removed += 1
            for folder in [folder for folder in feed.iterdir() if folder.is_dir()]:
                _sweep_parts(folder, now)
        return removed

    @contextmanager
    def writing(
        self, stage: str, feed: str, day: date, *, rows_per_part: int = ROWS_PER_PART
    ) -> Iterator[PartWriter]:
        """Write a partition: it appears, or replaces the one there, when the block ends without an error."""
        folder = self.folder(stage, feed, day)
        folder.mkdir(parents=True, exist_ok=True)
        writer = PartWriter(folder, rows_per_part)
        try:
            yield writer
            writer.flush()
        except BaseException:
            writer.clear()
            raise
        finally:
            writer.close()
        manifest = {
            "rows": writer.rows,
            "columns": writer.columns,
            "parts": writer.parts,
            "metadata": writer.metadata,
            "written_at": datetime.now(UTC).isoformat(),
        }
        write_atomically(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())


def _write(part: pl.DataFrame, file: Path) -> None:
    # LZ4: parts are read once or twice, by this project, and soon.
    part.write_parquet(file, compression="lz4", statistics=False)


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return manifest


def _sweep_parts(folder: Path, now: float) -> None:
    """Remove the parts that nobody reads or writes any more, and the folder if that leaves nothing."""
    manifest = _read_manifest(folder)
    named = set(manifest["parts"]) if manifest else set()
    with suppress(FileNotFoundError):
        if manifest is None or _age(folder / _MANIFEST, now) > _DAY_SECONDS:
            for path in folder.iterdir():
                if path.name not in {_MANIFEST, *named} and _age(path, now) > _DAY_SECONDS:
                    path.unlink(missing_ok=True)
    if _age(folder, now) > _DAY_SECONDS:
        with suppress(OSError):
            folder.rmdir()


def _age(path: Path, now: float) -> float:
    """Return the seconds since a file was written; 0 if another process has removed it."""
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
