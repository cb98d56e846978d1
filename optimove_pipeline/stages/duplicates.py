"""Finding the rows that came twice, in memory that does not grow with the partition.

Every row, or its key, is reduced to a hash of 64 bits in a file. Hashes that occur more than once are looked for
range by range; only the rows behind those are then compared as they are, again group by group. So a collision of
hashes costs a comparison and never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl

from optimove_pipeline.stages.frames import Bounds

_HASHES = 2**64
ROW = "_row"
"""Name of the column with a row's number in its partition."""


@dataclass(slots=True)
class HashFile:
    """The hashes of a partition's rows, frame by frame, in a folder."""

    folder: Path
    rows: int = 0
    files: list[Path] = field(default_factory=list)

    def write(self, hashes: pl.DataFrame) -> None:
        """Add a frame's hashes: UInt64 columns, a null for a row that takes no part."""
        path = self.folder / f"{len(self.files):06d}.arrow"
        hashes.write_ipc(path)
        self.files.append(path)
        self.rows += hashes.height

    def read(self, column: str) -> Iterator[pl.Series]:
        """Yield one column's hashes, frame by frame."""
        for path in self.files:
            yield pl.read_ipc(path, columns=[column]).to_series()


def hash_of(frame: pl.DataFrame) -> pl.Series:
    """Return a UInt64 hash of each row over all columns, the same for equal rows of any frame in this process."""
    return frame.hash_rows()


def repeated(hashes: HashFile, column: str, bounds: Bounds) -> tuple[pl.Series, int]:
    """Return the hashes that occur more than once, ascending, and the number of rows beyond the first of each."""
    ranges = max(1, -(-hashes.rows // bounds.hashes))
    edges = [number * _HASHES // ranges for number in range(ranges + 1)]
    found, beyond = [pl.Series(dtype=pl.UInt64)], 0
    for low, end in pairwise(edges):
        ordered = _between(hashes.read(column), low, end - 1).sort()
        again = ordered.filter(ordered == ordered.shift(1))
        found.append(again.unique().sort())
        beyond += again.len()
    return pl.concat(found), beyond


def _between(hashes: Iterable[pl.Series], low: int, high: int) -> pl.Series:
    bounds = pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64)
    inside = [part.filter(part.to_frame().select(pl.first().is_between(*bounds)).to_series()) for part in hashes]
    return pl.concat([pl.Series(dtype=pl.UInt64), *inside])


Resolve = Callable[[Iterable[pl.DataFrame]], Iterator[pl.DataFrame]]


def compare(
    hashes: HashFile,
    column: str,
    again: pl.Series,
    frames: Callable[[], Iterable[pl.DataFrame]],
    resolve: Resolve,
    bounds: Bounds,
) -> Iterator[pl.DataFrame]:
    """Yield what ``resolve`` finds among the rows behind the hashes in ``again``.

    ``frames`` gives the partition's frames from the start, in the order in which their hashes were written;
    ``resolve`` takes the candidates of one group of hashes in the order of rows, each with its number in ``_row``.
    """
    for start in range(0, again.len(), bounds.compared):
        group = again.slice(start, bounds.compared)
        yield from resolve(_candidates(hashes.read(column), group, frames()))


def _candidates(
    hashes: Iterator[pl.Series], group: pl.Series, frames: Iterable[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    row = 0
    for own, frame in zip(hashes, frames, strict=True):
        chosen = own.is_in(group.implode())
        if chosen.any():
            yield frame.with_row_index(ROW, offset=row).filter(chosen)
        row += frame.height


def moved(candidates: Iterable[pl.DataFrame], same: list[str], page: str) -> Iterator[pl.DataFrame]:
    """Yield the numbers of rows that equal an earlier row in all columns of ``same`` but lie on another page."""
    firsts = pl.DataFrame()
    for rows in candidates:
        firsts = _with_firsts(firsts, rows.select(*same, pl.col(page).alias("_first")), same)
        pages = rows.join(firsts, on=same, nulls_equal=True, maintain_order="left")
        yield pages.filter(pl.col(page) != pl.col("_first")).select(ROW)


def clashing(candidates: Iterable[pl.DataFrame], key: list[str]) -> Iterator[pl.DataFrame]:
    """Yield the numbers of rows whose key an earlier row had, with ``copy``: whether all else is equal too."""
    firsts = pl.DataFrame()
    for rows in candidates:
        others = [name for name in rows.columns if name not in {ROW, *key}]
        firsts = _with_firsts(firsts, rows, key)
        pairs = rows.join(firsts, on=key, suffix=":first", maintain_order="left")
        same = pl.all_horizontal(
            pl.lit(value=True), *(pl.col(name).eq_missing(pl.col(f"{name}:first")) for name in others)
        )
        yield pairs.filter(pl.col(ROW) != pl.col(f"{ROW}:first")).select(ROW, same.alias("copy"))


def _with_firsts(firsts: pl.DataFrame, rows: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    fresh = rows.unique(on, keep="first", maintain_order=True)
    if firsts.is_empty():
        return fresh
    return pl.concat([firsts, fresh.join(firsts, on=on, how="anti", nulls_equal=True)])
