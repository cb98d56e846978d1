"""Reading a partition frame by frame, so that memory does not grow with its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from optimove_pipeline.staging import ROWS_PER_PART, Partition


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is held in memory at once.

    ``rows`` of a frame, ``hashes`` while looking for repeated ones, and distinct hashes ``compared`` row by row.
    """

    rows: int = ROWS_PER_PART
    hashes: int = 4_000_000
    compared: int = 100_000


BOUNDS = Bounds()


def frames(partition: Partition, columns: Sequence[str], bounds: Bounds = BOUNDS) -> Iterator[pl.DataFrame]:
    """Yield all rows in order, in the columns given; a column that a part lacks comes as null text.

    The next frame is read while the caller works on the last.
    """
    reading = _read(partition, columns, bounds)
    with ThreadPoolExecutor(1, "reads frames ahead") as reader:
        ahead = reader.submit(next, reading, None)
        while (frame := ahead.result()) is not None:
            ahead = reader.submit(next, reading, None)
            yield frame


def _read(partition: Partition, columns: Sequence[str], bounds: Bounds) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    height = 0
    for part in partition.parts:
        for frame in part.read(columns).iter_slices(bounds.rows):
            if held and height + frame.height > bounds.rows:
                yield pl.concat(held)
                held, height = [], 0
            held.append(frame)
            height += frame.height
    if held:
        yield pl.concat(held)
