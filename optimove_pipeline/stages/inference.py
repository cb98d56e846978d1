"""The kinds of columns that no contract names, from the values of a whole partition.

A kind is taken only if every value fits it, and where a doubt stays the column is text: ids, by the name of the
column, codes with leading zeros, numbers of more digits than a double holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.casting import cast

_SPELLINGS: dict[Kind, str] = {
    Kind.FLAG: r"^(?i:true|false)$",
    Kind.INTEGER: r"^-?(?:0|[1-9][0-9]{0,18})$",
    Kind.NUMBER: r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$",
    Kind.DATE: r"^.{10}$",
    Kind.TIME: r"^.{19,}$",
}
_IDS = ("_id", "_ids")


def infer(frames: Iterable[pl.DataFrame], columns: Iterable[str]) -> dict[str, Kind | None]:
    """Return the kind of each text column over all frames, None for a column without a single value."""
    fitting = {name: _candidates(name) for name in columns}
    seen: set[str] = set()
    for frame in frames:
        seen |= {name for name in fitting if frame[name].null_count() < frame.height}
        fitting = {name: [kind for kind in kinds if _fits(frame, name, kind)] for name, kinds in fitting.items()}
    return {name: [*kinds, Kind.TEXT][0] if name in seen else None for name, kinds in fitting.items()}


def _candidates(column: str) -> list[Kind]:
    return [] if column == "id" or column.endswith(_IDS) else list(_SPELLINGS)


def _fits(frame: pl.DataFrame, column: str, kind: Kind) -> bool:
    text = frame[column].drop_nulls()
    if not text.str.contains(_SPELLINGS[kind]).all():
        return False
    return cast(text.to_frame(), {column: kind}).to_series().null_count() == 0
