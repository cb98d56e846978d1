"""Rows as Parquet files for a stage: of the size that loads fastest, written one frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from optimove_pipeline.targets.snowflake.names import plain

_BYTES = 128 * 2**20
"""Snowflake advises files of 100 to 250 MB (reference on delivery, section 1.2)."""


def parts_of(frames: Iterable[pl.DataFrame], folder: Path, name: str) -> Iterator[Path]:
    """Yield files of rows, columns named as in Snowflake; the next is written once the caller comes back for it."""
    rest = iter(frames)
    for number in count(1):
        first = next(rest, None)
        if first is None:
            return
        file = folder / f"{name}_{number:05d}.parquet"
        with file.open("wb") as sink:
            _fill(sink, first, rest)
        yield file


def _fill(sink: BinaryIO, first: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> None:
    from pyarrow.parquet import ParquetWriter

    rows: Any = _as_arrow(first)
    with ParquetWriter(sink, rows.schema, compression="snappy") as writer:
        writer.write_table(rows)
        while sink.tell() < _BYTES and (frame := next(rest, None)) is not None:
            writer.write_table(_as_arrow(frame))


def _as_arrow(frame: pl.DataFrame) -> Any:
    return frame.rename(plain).to_arrow(compat_level=pl.CompatLevel.oldest())
