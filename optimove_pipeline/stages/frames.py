"""Reading a partition frame by frame, so that memory does not grow with its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from optimove_pipeline.staging import Partition


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is held in memory at once.

    ``rows`` of a frame (Polars' own row group, more than a part usually has), ``hashes`` while looking for repeated
    ones, and distinct hashes ``compared`` row by row.
    """

    rows: int = 262_144
    hashes: int = 4_000_000
    compared: int = 100_000


BOUNDS = Bounds()


def frames(partition: Partition, columns: Sequence[str], bounds: Bounds = BOUNDS) -> Iterator[pl.DataFrame]:
    """Yield all rows in order, in the columns given; a column that a part lacks comes as null text."""
    for part in partition.parts:
        present = set(pl.read_parquet_schema(part))
        missing = [pl.lit(None, pl.String).alias(name) for name in columns if name not in present]
        for frame in _slices(part, [name for name in columns if name in present], bounds.rows):
            yield frame.with_columns(missing).select(columns)


def _slices(part: Path, columns: list[str], rows_at_once: int) -> Iterator[pl.DataFrame]:
    lazy = pl.scan_parquet(part)
    rows = lazy.select(pl.len()).collect().item()
    for start in range(0, rows, rows_at_once):
        yield lazy.select(columns).slice(start, rows_at_once).collect()
