"""Finding the rows that came twice, in memory that does not grow with the partition.

Every row, or its key, is reduced to a hash of 64 bits in a file. Hashes that occur more than once are looked for
range by range; the rows behind those are parted into groups on disk and compared as they are, group by group. So a
collision of hashes costs a comparison and never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl

from optimove_pipeline.stages.frames import Bounds

ROW = "_row"
"""Name of the column with a row's number in its partition."""

_HASHES = 2**64
_GROUP = "_group"

Resolve = Callable[[Iterable[pl.DataFrame]], Iterator[pl.DataFrame]]


@dataclass(slots=True)
class HashFile:
    """The hashes of a partition's rows, frame by frame, in a folder."""

    folder: Path
    rows: int = 0
    nulls: int = 0
    files: list[Path] = field(default_factory=list)

    def write(self, hashes: pl.DataFrame) -> None:
        """Add a frame's hashes: UInt64 columns, a null for a row that takes no part."""
        path = self.folder / f"{len(self.files):06d}.arrow"
        hashes.write_ipc(path)
        self.files.append(path)
        self.rows += hashes.height
        self.nulls += sum(column.null_count() for column in hashes.get_columns())

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


def compare(
    hashes: Iterable[pl.Series],
    again: pl.Series,
    frames: Iterable[pl.DataFrame],
    resolve: Resolve,
    folder: Path,
    bounds: Bounds,
) -> Iterator[pl.DataFrame]:
    """Yield what ``resolve`` finds among the rows behind the hashes in ``again``, which ascend.

    ``frames`` are the partition's, and ``hashes`` those of their rows, alike in order and height. ``resolve`` takes
    the candidates of one group of hashes in the order of the rows, with their numbers in the column ``_row``.
    """
    if again.is_empty():
        return
    for number, candidates in enumerate(_candidates(hashes, again, frames, bounds.compared)):
        for (group,), rows in candidates.partition_by(_GROUP, as_dict=True, include_key=False).items():
            path = folder / f"group-{group:06d}" / f"{number:06d}.arrow"
            path.parent.mkdir(exist_ok=True)
            rows.write_ipc(path)
    for group_folder in sorted(folder.glob("group-*")):
        yield from resolve(_chunks(group_folder, bounds.compared))


def _candidates(
    hashes: Iterable[pl.Series], again: pl.Series, frames: Iterable[pl.DataFrame], group_size: int
) -> Iterator[pl.DataFrame]:
    row = 0
    for own, frame in zip(hashes, frames, strict=True):
        place = again.search_sorted(own).clip(upper_bound=again.len() - 1)
        numbered = frame.with_row_index(ROW, offset=row).with_columns((place // group_size).alias(_GROUP))
        yield numbered.filter(again.gather(place) == own)
        row += frame.height


def _chunks(folder: Path, rows_at_once: int) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    for path in sorted(folder.iterdir()):
        held.append(pl.read_ipc(path))
        if sum(frame.height for frame in held) >= rows_at_once:
            yield pl.concat(held, rechunk=True)
            held = []
    if held:
        yield pl.concat(held, rechunk=True)


def moved(candidates: Iterable[pl.DataFrame], same: list[str], page: str) -> Iterator[pl.DataFrame]:
    """Yield the numbers of rows that equal an earlier row in all columns of ``same`` but lie on another page."""
    firsts = None
    for rows in candidates:
        firsts = _with_firsts(firsts, rows.select(*same, pl.col(page).alias("_first")), same)
        pages = rows.join(firsts, on=same, nulls_equal=True)
        yield pages.filter(pl.col(page) != pl.col("_first")).select(ROW)


def clashing(candidates: Iterable[pl.DataFrame], key: list[str]) -> Iterator[pl.DataFrame]:
    """Yield the numbers of rows whose key an earlier row had, with ``copy``: whether all else is equal too."""
    firsts = None
    for rows in candidates:
        firsts = _with_firsts(firsts, rows, key)
        pairs = rows.join(firsts, on=key, suffix=":first")
        others = [name for name in rows.columns if name not in {ROW, *key}]
        equal = [pl.col(name).eq_missing(pl.col(f"{name}:first")) for name in others]
        later = pairs.filter(pl.col(ROW) != pl.col(f"{ROW}:first"))
        yield later.select(ROW, copy=pl.all_horizontal(pl.lit(value=True), *equal))


def _with_firsts(firsts: pl.DataFrame | None, rows: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    fresh = rows.unique(on, keep="first", maintain_order=True)
    if firsts is None:
        return fresh
    return pl.concat([firsts, fresh.join(firsts, on=on, how="anti", nulls_equal=True)])
