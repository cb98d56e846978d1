"""Cursors: where a pull stands, sealed, so that clients can neither read nor change them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken

from optimove_pipeline.serving.problems import Problem
from optimove_pipeline.serving.store import Span


@dataclass(frozen=True, slots=True)
class Position:
    """A pull of a table: its span, the generation it reads, when it began (epoch seconds), and its last place."""

    feed: str
    span: Span
    generation: int
    began: float
    last: str


def sealed(position: Position, key: str) -> str:
    """Return a position as a cursor."""
    span = position.span
    content = [position.feed, span.after, span.before, position.generation, position.began, position.last]
    return Fernet(key).encrypt(json.dumps(content).encode()).decode()


def opened(cursor: str, key: str) -> Position:
    """Return the position that a cursor holds.

    Raises:
        Problem: 400: the cursor was not made here, or was changed since.
    """
    try:
        feed, after, before, generation, began, last = json.loads(Fernet(key).decrypt(cursor.encode()))
    except InvalidToken:
        raise Problem(
            400, "invalid_cursor", "the cursor is none of this API's: give next_cursor as it came, or begin anew"
        ) from None
    return Position(feed, Span(after, before), generation, began, last)
