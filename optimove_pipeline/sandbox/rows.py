"""Rows that are made when a page of them is asked for: an answer of millions of rows costs nothing until then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of rows: one row for each position, made by ``make`` for any part of the positions."""

    positions: Sequence[int]
    make: Callable[[Sequence[int]], list[Row]]


Segments: TypeAlias = tuple[Segment, ...]


def listed(rows: Sequence[Row]) -> Segments:
    """Rows that exist already."""
    return (Segment(range(len(rows)), lambda positions: [rows[position] for position in positions]),)


def count(segments: Segments) -> int:
    """How many rows the segments have together."""
    return sum(len(segment.positions) for segment in segments)


def page(segments: Segments, skip: int, top: int) -> list[Row]:
    """At most ``top`` rows after the first ``skip``."""
    found: list[Row] = []
    for segment in segments:
        size = len(segment.positions)
        if skip < size and top > 0:
            part = segment.positions[skip : skip + top]
            found.extend(segment.make(part))
            top -= len(part)
        skip = max(0, skip - size)
    return found


def every_row(segments: Segments) -> list[Row]:
    """All rows at once."""
    return page(segments, 0, count(segments))
