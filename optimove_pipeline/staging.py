"""Where partitions lie between the stages, written whole or not at all.

A partition is a folder ``<stage>/<feed>/<day>`` that holds a manifest and the Parquet parts that the manifest
names. Parts are written under names that no other writer uses; replacing the manifest, one atomic rename, is what
makes a partition appear or change. So a writer killed at any moment leaves the old partition, and of two writers
the last one wins whole.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.files import write_atomically

ROWS_PER_PART = 122_880
"""Rows of a part: one row group of DuckDB, so that a part is loaded without being cut, and little memory."""

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one feed at one stage.

    ``parts`` are Parquet files in the order of the rows; ``columns`` maps column name to Polars dtype, united over
    the parts, which may each lack some columns; ``metadata`` is what the stage noted about the day.
    """

    stage: str
    feed: str
    day: date
    parts: tuple[Path, ...]
    rows: int
    columns: dict[str, str]
    metadata: dict[str, Any]

    def scan(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Return the named text columns of all rows, lazily; a column that a part lacks is null there."""
        schema = dict.fromkeys(columns, pl.String())
        if not self.parts:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(
            list(self.parts), schema=schema, missing_columns="insert", extra_columns="ignore"
        ).select(columns)


@dataclass(slots=True)
class PartWriter:
    """Collects frames and writes them as parts of about ``rows_per_part`` rows; ``metadata`` goes to the manifest."""

    folder: Path
    rows_per_part: int = ROWS_PER_PART
    metadata: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    _prefix: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _held: int = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows. The columns of an empty frame count, so that an empty day keeps its schema."""
        self.columns |= {name: str(dtype) for name, dtype in frame.schema.items() if name not in self.columns}
        if frame.is_empty():
            return
        self._frames.append(frame)
        self._held += frame.height
        if self._held >= self.rows_per_part:
            self.flush()

    @property
    def total(self) -> int:
        """Rows written so far, those not yet in a part included."""
        return self.rows + self._held

    def flush(self) -> None:
        """Write the rows held so far as one part."""
        if not self._frames:
            return
        name = f"{self._prefix}-{len(self.parts):05d}.parquet"
        pl.concat(self._frames, how="diagonal_relaxed").write_parquet(
            self.folder / name, compression="zstd", compression_level=1, statistics=False
        )
        self.parts.append(name)
        self.rows += self._held
        self._frames.clear()
        self._held = 0


class Staging:
    """The partitions of all stages below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, feed: str, day: date) -> Path:
        """Return the folder of a partition, whether or not it exists."""
        return self.root / stage / feed / day.isoformat()

    def find(self, stage: str, feed: str, day: date) -> Partition | None:
        """Return a partition, or None if it was never written whole."""
        folder = self.folder(stage, feed, day)
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Partition(
            stage=stage,
            feed=feed,
            day=day,
            parts=tuple(folder / name for name in manifest["parts"]),
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
            raise PartitionError(f"{stage}/{feed} of {day} is not there: materialise it first")
        return partition

    def days(self, stage: str, feed: str) -> list[date]:
        """Return the days held of a feed at a stage, oldest first."""
        found = (self.root / stage / feed).glob(f"*/{_MANIFEST}")
        return sorted(date.fromisoformat(manifest.parent.name) for manifest in found)

    def newest(self, stage: str, feed: str, until: date | None = None) -> date | None:
        """Return the newest day held, not after ``until``."""
        return max((day for day in self.days(stage, feed) if until is None or day <= until), default=None)

    def remove(self, stage: str, feed: str, day: date) -> None:
        """Remove a partition, its manifest first, so that a reader finds either all of it or nothing."""
        folder = self.folder(stage, feed, day)
        (folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, keep_days: float, now: float | None = None) -> int:
        """Remove partitions written over ``keep_days`` days ago, but the newest of each; return how many.

        Parts that a killed writer left behind go as well.
        """
        oldest = (time.time() if now is None else now) - keep_days * 86_400
        removed = 0
        for feed in self.root.glob("*/*"):
            days = sorted(folder for folder in feed.iterdir() if folder.is_dir())
            for folder in days[:-1]:
                if folder.stat().st_mtime < oldest:
                    self.remove(feed.parent.name, feed.name, date.fromisoformat(folder.name))
                    removed += 1
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
            _remove_parts(folder, [*writer.parts])
            raise
        replaced = self.find(stage, feed, day)
        manifest = {
            "rows": writer.rows,
            "columns": writer.columns,
            "parts": writer.parts,
            "metadata": writer.metadata,
            "written_at": datetime.now(UTC).isoformat(),
        }
        write_atomically(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
        if replaced is not None:
            _remove_parts(folder, [part.name for part in replaced.parts])


def _remove_parts(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
