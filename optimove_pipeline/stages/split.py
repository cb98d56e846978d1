"""Parting a day's rows: those that keep their contract, typed, from those that don't, as they came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from optimove_pipeline.feeds import Feed
from optimove_pipeline.stages.casting import cast
from optimove_pipeline.stages.duplicates import HashFile
from optimove_pipeline.stages.frames import Bounds, frames
from optimove_pipeline.stages.layout import CALL, PAGE, Layout
from optimove_pipeline.stages.quarantine import quarantined, schema_of
from optimove_pipeline.stages.repeats import Repeats, hashes_of
from optimove_pipeline.stages.rules import Rule, breaches, rules_of
from optimove_pipeline.staging import Partition, PartWriter

_CLASH = "_clash"


@dataclass(slots=True)
class Counts:
    """What was written: typed rows, quarantined rows, these by rule, and nulls by column of the key."""

    rows: int = 0
    quarantined: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    null_keys: Counter[str] = field(default_factory=Counter)


def split(
    feed: Feed,
    source: Partition,
    layout: Layout,
    repeats: Repeats,
    good: PartWriter,
    broken: PartWriter,
    bounds: Bounds,
    *,
    hashes: HashFile | None = None,
) -> Counts:
    """Write every row that is no copy to ``good`` or to ``broken``, and count; ``hashes`` gets those of all rows.

    It can only get them while no repeats are known.
    """
    rules = (*rules_of(feed), Rule("unique", feed.key, pl.col(_CLASH)))
    counts = Counts(null_keys=Counter(dict.fromkeys(feed.key, 0)))
    good.write(
        stamped(feed, cast(pl.DataFrame(schema=dict.fromkeys(layout.kinds, pl.String())), layout.kinds), source.day)
    )
    broken.write(pl.DataFrame(schema=schema_of(feed)))
    start = 0
    for whole in frames(source, [*layout.kinds, CALL, PAGE], bounds):
        text, clash = _fresh(whole.drop(CALL, PAGE), start, repeats)
        start += whole.height
        typed = cast(text, layout.kinds)
        if hashes is not None:
            hashes.write(hashes_of(feed, whole, typed))
        flags = breaches(typed.with_columns(clash), text, rules)
        bad = flags.select(pl.any_horizontal(pl.all())).to_series()
        if bad.any():
            broken.write(quarantined(feed, text.filter(bad), flags.filter(bad), rules, source.day))
            good.write(stamped(feed, typed.filter(~bad), source.day))
        else:
            good.write(stamped(feed, typed, source.day))
        _count(counts, typed, flags, bad)
    return counts


def _fresh(frame: pl.DataFrame, start: int, repeats: Repeats) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows that are no copies, and a flag for each of them: whether its key is another row's already."""
    clash = marked(repeats.clashes, start, frame.height).alias(_CLASH)
    if repeats.copies.is_empty():
        return frame, clash
    fresh = ~marked(repeats.copies, start, frame.height)
    return frame.filter(fresh), clash.filter(fresh)


def _count(counts: Counts, typed: pl.DataFrame, flags: pl.DataFrame, bad: pl.Series) -> None:
    quarantined_rows = int(bad.sum())
    counts.rows += bad.len() - quarantined_rows
    counts.quarantined += quarantined_rows
    counts.by_rule.update({name: count for name in flags.columns if (count := int(flags[name].sum()))})
    counts.null_keys.update({name: typed[name].null_count() for name in counts.null_keys})


def stamped(feed: Feed, typed: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return rows with the feed's stamp as their first column."""
    return typed.select(pl.lit(feed.stamp_of(day)).alias(feed.stamp.name), pl.all())


def marked(numbers: pl.Series, start: int, height: int) -> pl.Series:
    """Return a flag for each of ``height`` rows from number ``start`` on: whether it is among the sorted numbers."""
    first, end = numbers.search_sorted(start), numbers.search_sorted(start + height)
    inside = numbers.slice(first, end - first)
    return pl.int_range(start, start + height, dtype=pl.UInt32, eager=True).is_in(inside.implode())
