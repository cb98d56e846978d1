"""Cutting a day's rows into parts on the boundaries of rows, none of them over the limit.

Rows are packed in blocks of fixed numbers, several at once, and the size of a packed block is known before it is put
into a part. A block that no longer fits begins the next part, or, where that would leave a part far from full, is
halved. So the parts follow from the rows alone, not from how the partition was cut, nor from who was faster.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import polars as pl

from optimove_pipeline.errors import ContractError

T = TypeVar("T")
P = TypeVar("P", contravariant=True)

FREE = 0.25
"""Share of the limit that a part may leave free though fewer rows would still fit."""

_WORKERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Segment(Generic[T]):
    """Rows, and the ``content`` that they add to a part."""

    frame: pl.DataFrame
    content: T


class Parts(Protocol[P]):
    """Parts that are written one after the other; the last one is open until it is closed."""

    @property
    def rows(self) -> int:
        """Rows of the open part."""

    @property
    def free_share(self) -> float:
        """Share of the limit that is left in the open part."""

    def fits(self, content: P) -> bool:
        """Return whether the open part, or a new one, stays within the limit with this."""

    def add(self, content: P, rows: int) -> None:
        """Add what fits."""

    def close(self) -> None:
        """Complete the open part, if there is one."""


def blocks(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of all frames in blocks of so many rows, the last one with what is left."""
    held = pl.DataFrame()
    for frame in frames:
        whole = pl.concat([held, frame]) if held.height else frame
        end = whole.height - whole.height % rows
        for start in range(0, end, rows):
            yield whole.slice(start, rows)
        held = whole.slice(end)
    if held.height:
        yield held


def write_parts(
    frames: Iterable[pl.DataFrame], pack: Callable[[pl.DataFrame], Segment[T]], parts: Parts[T], too_large: str
) -> None:
    """Pack frames and write them as parts; ``too_large`` is the message for a row that no part can hold.

    Raises:
        ContractError: a row is too large, or ``pack`` refuses one.
    """
    for segment in _packed(frames, pack):
        _place(segment, pack, parts, too_large)
    parts.close()


def _packed(frames: Iterable[pl.DataFrame], pack: Callable[[pl.DataFrame], Segment[T]]) -> Iterator[Segment[T]]:
    ahead: deque[Future[Segment[T]]] = deque()
    with ThreadPoolExecutor(_WORKERS, "packs rows") as workers:
        for frame in frames:
            ahead.append(workers.submit(pack, frame))
            if len(ahead) > _WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _place(segment: Segment[T], pack: Callable[[pl.DataFrame], Segment[T]], parts: Parts[T], too_large: str) -> None:
    rows = segment.frame.height
    if parts.fits(segment.content):
        parts.add(segment.content, rows)
    elif parts.rows and (rows == 1 or parts.free_share <= FREE):
        parts.close()
        _place(segment, pack, parts, too_large)
    elif rows <= 1:
        raise ContractError(too_large)
    else:
        for half in (segment.frame.head(rows // 2), segment.frame.slice(rows // 2)):
            _place(pack(half), pack, parts, too_large)
