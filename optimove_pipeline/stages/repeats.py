"""Which rows of a day came twice, and which share a key that should be theirs alone.

Two things repeat rows. Pages have no documented order, so a row can move between them while they are read (reference,
section 1.5): rows that equal an earlier row in every column, of the same call but another page, are copies. And where
the contract says that a key is unique, a further row of the same key is a copy if all else is equal, and breaks the
contract if not; the first row of that key that keeps all other rules stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from optimove_pipeline.feeds import Feed
from optimove_pipeline.stages.casting import cast
from optimove_pipeline.stages.duplicates import ROW, HashFile, clashing, compare, hash_of, moved, repeated
from optimove_pipeline.stages.frames import Bounds, frames
from optimove_pipeline.stages.layout import CALL, PAGE, Layout
from optimove_pipeline.stages.rules import Rule, breaches, rules_of
from optimove_pipeline.staging import Partition


@dataclass(frozen=True, slots=True)
class Repeats:
    """Row numbers, ascending: ``copies`` to leave out, ``clashes`` that break the uniqueness of the key.

    ``duplicate_keys`` counts the rows beyond the first of their key, by the key's hash, whether or not allowed.
    """

    copies: pl.Series
    clashes: pl.Series
    duplicate_keys: int


NO_REPEATS = Repeats(pl.Series(dtype=pl.UInt32), pl.Series(dtype=pl.UInt32), 0)


def hashes_of(feed: Feed, frame: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
    """Return the hashes (UInt64) by which the rows of a frame are known: of the key, or of key and whole row.

    ``frame`` holds the rows as they came with their call and page, ``typed`` the same rows typed. A row without a
    whole key takes no part.
    """
    key = typed.select(feed.key)
    complete = key.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    hashes = pl.DataFrame({"key": hash_of(key)}).select(pl.when(complete).then("key").alias("key"))
    return hashes if feed.unique else hashes.with_columns(row=hash_of(frame.drop(PAGE)))


def find_repeats(feed: Feed, source: Partition, layout: Layout, hashes: HashFile, bounds: Bounds) -> Repeats:
    """Return what repeats in a day, of whose rows ``hashes`` holds ``hashes_of``, frame by frame.

    Takes 5 bytes of memory for each row found, whatever the rows of the day.
    """
    columns = [*layout.kinds, CALL, PAGE]
    keys, duplicate_keys = repeated(hashes, "key", bounds)
    # Rows that are equal have equal keys, if they have whole ones.
    by_key = feed.unique or (keys.is_empty() and not hashes.nulls)
    again = keys if by_key else repeated(hashes, "row", bounds)[0]
    own = hashes.read("key" if by_key else "row")
    resolve = partial(_clashing if feed.unique else _moved, feed, layout)
    found = [*compare(own, again, frames(source, columns, bounds), resolve, hashes.folder, bounds)]
    rows = pl.concat([pl.DataFrame(schema={ROW: pl.UInt32, "copy": pl.Boolean}), *found]).sort(ROW)
    copies, clashes = (rows.filter(pl.col("copy") == copy)[ROW] for copy in (True, False))
    return Repeats(copies, clashes, duplicate_keys)


def _moved(feed: Feed, layout: Layout, candidates: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for rows in moved(candidates, [*layout.kinds, CALL], PAGE):
        yield rows.with_columns(copy=True)


def _clashing(feed: Feed, layout: Layout, candidates: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    rules = rules_of(feed)
    return clashing((_sound(rows, layout, rules) for rows in candidates), list(feed.key))


def _sound(rows: pl.DataFrame, layout: Layout, rules: tuple[Rule, ...]) -> pl.DataFrame:
    """Return the rows that keep the rules, typed."""
    typed = cast(rows, layout.kinds)
    broken = breaches(typed, rows, rules).select(pl.any_horizontal(pl.all())).to_series()
    return typed.with_columns(rows[ROW]).filter(~broken)
