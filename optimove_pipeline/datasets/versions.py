"""Which rows of a partition are versions of one another: the newest of a key is kept, those before it are dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.stages.duplicates import ROW, HashFile, compare, hash_of, repeated
from optimove_pipeline.stages.frames import Bounds
from optimove_pipeline.stages.repeats import Repeats

Sound = Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.Series]]
"""Returns the rows of a frame that keep the rules, typed, and the numbers of their places in it."""

_CONTENT, _MOMENT, _BEST = "_content", "_moment", "_best"


def key_hashes(dataset: Dataset, typed: pl.DataFrame) -> pl.Series:
    """Return a hash of each row's key."""
    return hash_of(typed.select(dataset.key))


def find_versions(
    dataset: Dataset, read: Callable[[], Iterable[pl.DataFrame]], sound: Sound, hashes: HashFile, bounds: Bounds
) -> Repeats:
    """Return what repeats in a partition of whose sound rows ``hashes`` holds the keys' (``key``), null for others.

    Of the rows of a key, that with the newest change is kept, of several the first. Older ones and equal ones are
    copies; one of the same moment but other content is a clash. ``read`` yields the partition's frames again.
    """
    again, beyond = repeated(hashes, "key", bounds)

    def resolve(candidates: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        yield _losers(dataset, [_reduced(dataset, rows, sound) for rows in candidates])

    found = compare(hashes.read("key"), again, read() if again.len() else (), resolve, hashes.folder, bounds)
    rows = pl.concat([pl.DataFrame(schema={ROW: pl.UInt32, "copy": pl.Boolean}), *found]).sort(ROW)
    copies, clashes = (rows.filter(pl.col("copy") == copy)[ROW] for copy in (True, False))
    return Repeats(copies, clashes, beyond)


def _reduced(dataset: Dataset, rows: pl.DataFrame, sound: Sound) -> pl.DataFrame:
    """Return of the sound rows their number, key, moment of change and a hash of all."""
    typed, places = sound(rows.drop(ROW))
    moment = pl.lit(0, pl.Int64) if dataset.change_column is None else pl.col(dataset.change_column).to_physical()
    return typed.select(*dataset.key, moment.alias(_MOMENT)).with_columns(
        rows[ROW].gather(places), hash_of(typed).alias(_CONTENT)
    )


def _losers(dataset: Dataset, reduced: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the numbers of the rows that are not kept, with ``copy``: whether they may be dropped."""
    key = list(dataset.key)
    rows = pl.concat(reduced).sort([_MOMENT, ROW], descending=[True, False])
    best = rows.unique(key, keep="first", maintain_order=True)
    pairs = rows.join(best, on=key, suffix=_BEST)
    losers = pairs.filter(pl.col(ROW) != pl.col(f"{ROW}{_BEST}"))
    older = pl.col(_MOMENT) < pl.col(f"{_MOMENT}{_BEST}")
    return losers.select(ROW, copy=older | (pl.col(_CONTENT) == pl.col(f"{_CONTENT}{_BEST}")))
