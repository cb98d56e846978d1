"""Pages: rows of a table in a window, put together whole before the first byte is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from isal import isal_zlib

from optimove_pipeline.serving.asking import NDJSON, Ask
from optimove_pipeline.serving.cursors import Position, opened, sealed
from optimove_pipeline.serving.problems import Problem
from optimove_pipeline.serving.store import Span, State, committed_at, cursor_key, one_moment, rows, state

_MOST_BYTES = 64 * 2**20
"""A page ends here, however many rows were asked for, so that memory stays bounded."""

_GZIP_LEVEL = 1
_GZIP_WINDOW = 31


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is sent: its bytes in pieces, its headers and rows, and the cursor of the next one, if any."""

    pieces: Sequence[bytes]
    headers: dict[str, str]
    rows: int
    cursor: str | None

    @property
    def bytes(self) -> int:
        """Bytes of all pieces."""
        return sum(map(len, self.pieces))


@dataclass(slots=True)
class _Body:
    """A body as it grows, compressed at once if it is to be."""

    gzip: bool
    pieces: list[bytes] = field(default_factory=list)
    raw_bytes: int = 0
    compressor: isal_zlib.Compress | None = None

    def __post_init__(self) -> None:
        if self.gzip:
            self.compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)

    def add(self, content: bytes) -> None:
        """Add bytes."""
        self.raw_bytes += len(content)
        self._keep(self.compressor.compress(content) if self.compressor else content)

    def end(self) -> None:
        """Add what the compression holds back."""
        if self.compressor:
            self._keep(self.compressor.flush())

    def _keep(self, piece: bytes) -> None:
        if piece:
            self.pieces.append(piece)


def make_page(connection: sqlite3.Connection, feed: str, ask: Ask, kept_seconds: float, now: float) -> Page:
    """Return a page; ``kept_seconds`` is how long a cursor holds, ``now`` the moment in epoch seconds.

    Raises:
        Problem: 400: the cursor is not of this store, table or window. 410: it is too old.
    """
    body = _Body(gzip=ask.gzip)
    if not ask.ndjson:
        body.add(b'{"data":[')
    with one_moment(connection):
        at = state(connection, feed)
        position = _position(connection, feed, ask, at, kept_seconds, now)
        count, last = (0, None) if at.purged is None else _fill(body, connection, position, ask)
        cursor = sealed(replace(position, last=last), cursor_key(connection)) if last else None
        as_of = _text(committed_at(connection, position.generation))
    return _page(body, ask, count, cursor, as_of)


def _position(
    connection: sqlite3.Connection, feed: str, ask: Ask, at: State, kept_seconds: float, now: float
) -> Position:
    """Return what the page goes on from."""
    if ask.cursor is None:
        return Position(feed, ask.span, at.generation, now, ask.span.after or "")
    position = opened(ask.cursor, cursor_key(connection))
    given, own = ask.span, position.span
    if position.feed != feed or given.after not in {None, own.after} or given.before not in {None, own.before}:
        raise Problem(400, "foreign_cursor", "the cursor belongs to another table or window: begin anew without it")
    if position.generation < (at.purged or 0) or position.began + kept_seconds < now:
        raise Problem(
            410, "expired_cursor", f"the pull began over {kept_seconds / 3600:g} h ago: begin it anew, without cursor"
        )
    return position


def _fill(body: _Body, connection: sqlite3.Connection, position: Position, ask: Ask) -> tuple[int, str | None]:
    """Add rows until the page is full; return how many, and the place of the last one if there are more."""
    span, count = Span(position.last, position.span.before), 0
    for block in rows(connection, position.feed, span, position.generation, ask.most + 1):
        kept = block[: ask.most - count]
        if kept:
            body.add(_joined([line for line, _ in kept], ndjson=ask.ndjson, first=count == 0))
            count, last = count + len(kept), kept[-1][1]
        if len(kept) < len(block) or body.raw_bytes > _MOST_BYTES:
            return count, last
    return count, None


def _joined(lines: list[bytes], *, ndjson: bool, first: bool) -> bytes:
    if ndjson:
        return b"\n".join([*lines, b""])
    return b",".join(lines if first else [b"", *lines])


def _page(body: _Body, ask: Ask, count: int, cursor: str | None, as_of: str | None) -> Page:
    if not ask.ndjson:
        body.add(b'],"next_cursor":' + orjson.dumps(cursor) + b',"as_of":' + orjson.dumps(as_of) + b"}")
    body.end()
    headers = {
        "Content-Type": NDJSON if ask.ndjson else "application/json",
        "Vary": "Accept, Accept-Encoding",
        "Cache-Control": "no-store",
        **({"Content-Encoding": "gzip"} if ask.gzip else {}),
        **({"As-Of": as_of} if as_of else {}),
        **({"Next-Cursor": cursor} if cursor else {}),
    }
    return Page(body.pieces, headers, count, cursor)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
