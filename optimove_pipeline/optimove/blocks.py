"""Cutting one long JSON array of rows into blocks, so that an answer of any size is parsed in flat memory.

A cut is tried at the last place that looks like the end of a row (``}`` ``,`` ``{``). Where that was inside a string
or a nested value, the block left of it can't be valid JSON; then the text is scanned exactly, once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from optimove_pipeline.errors import AnswerError, TransientError

T = TypeVar("T")

BLOCK_BYTES = 2**20
"""Larger blocks parse slower (they leave the processor's cache) and cost memory."""

LONGEST_ROW_BYTES = 64 * 2**20

_CUT = re.compile(rb"\}\s*,\s*\{")
_NEAR_END = 64 * 2**10
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]]', re.DOTALL)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_rows(stream: BinaryIO, parse: Callable[[bytes], T | None], block_bytes: int = BLOCK_BYTES) -> Iterator[T]:
    """Yield what ``parse`` makes of each block of the answer in ``stream``.

    ``parse`` gets a whole JSON array of rows, or the one object that an answer may be, and returns None where that
    is not valid JSON. Nothing is yielded for an empty body, ``null`` or ``[]``. Raises TransientError where the text
    ends too early, AnswerError where it is not an array of rows or one object.
    """
    start = _first_text(stream, block_bytes)
    if start.startswith(b"["):
        yield from _parse_array(start[1:].lstrip(), stream, parse, block_bytes)
    elif start.startswith(b"{"):
        yield _parse_object(_whole(start, stream), parse)
    elif start.strip() not in {b"", b"null"}:
        raise AnswerError("the answer is not a JSON array of rows")


def _first_text(stream: BinaryIO, size: int) -> bytes:
    text = stream.read(max(size, len(_BYTE_ORDER_MARK))).removeprefix(_BYTE_ORDER_MARK).lstrip()
    while not text and (more := stream.read(size)):
        text = more.lstrip()
    return text


def _whole(start: bytes, stream: BinaryIO) -> bytes:
    text = start + stream.read(LONGEST_ROW_BYTES)
    if stream.read(1):
        raise AnswerError(f"the answer is one object of more than {LONGEST_ROW_BYTES} bytes")
    return text


def _parse_object(text: bytes, parse: Callable[[bytes], T | None]) -> T:
    parsed = parse(text)
    if parsed is None:
        raise broken(text)
    return parsed


def _parse_array(rest: bytes, stream: BinaryIO, parse: Callable[[bytes], T | None], block_bytes: int) -> Iterator[T]:
    wanted = block_bytes
    while True:
        more = stream.read(max(wanted - len(rest), 1))
        rest += more
        if not more:
            break
        if len(rest) < wanted:
            continue
        cut = _parse_left(rest, parse)
        if cut is None:
            wanted = _grown(len(rest))
            continue
        parsed, end = cut
        yield parsed
        rest = _after_comma(rest[end:])
        wanted = block_bytes
    last = _parse_last(rest, parse)
    if last is not None:
        yield last


def _after_comma(rest: bytes) -> bytes:
    rest = rest.lstrip()
    if not rest.startswith(b","):
        raise AnswerError("the answer is not valid JSON: two rows without a comma between them")
    return rest[1:].lstrip()


def _grown(length: int) -> int:
    if length > LONGEST_ROW_BYTES:
        raise AnswerError(f"one row of the answer is longer than {LONGEST_ROW_BYTES} bytes, or its array never ends")
    return 2 * length


def _parse_left(rest: bytes, parse: Callable[[bytes], T | None]) -> tuple[T, int] | None:
    guess = _likely_cut(rest)
    if guess is not None and (parsed := parse(_array(rest, guess))) is not None:
        return parsed, guess
    scan = _scan(rest)
    if scan.cut is None:
        return None
    parsed = parse(_array(rest, scan.cut))
    if parsed is None:
        raise AnswerError("the answer is not valid JSON")
    return parsed, scan.cut


def _array(rest: bytes, cut: int) -> bytes:
    return b"".join((b"[", memoryview(rest)[:cut], b"]"))


def _parse_last(rest: bytes, parse: Callable[[bytes], T | None]) -> T | None:
    if rest.rstrip() == b"]":
        return None
    parsed = parse(b"[" + rest)
    if parsed is None:
        raise broken(b"[" + rest)
    return parsed


def broken(text: bytes) -> AnswerError | TransientError:
    """Return the error that tells why a whole text is not JSON: cut short, or wrong."""
    if not text.startswith((b"[", b"{")):
        return AnswerError("the answer is not JSON")
    scan = _scan(text[1:])
    if scan.closed is None:
        return TransientError("the answer is truncated: its JSON ends in the middle")
    if text[1:][scan.closed + 1 :].strip():
        return AnswerError("the answer goes on after the end of its JSON")
    return AnswerError("the answer is not valid JSON")


def _likely_cut(rest: bytes) -> int | None:
    for start in (max(0, len(rest) - _NEAR_END), 0):
        cut = max((found.start() for found in _CUT.finditer(rest, start)), default=None)
        if cut is not None:
            return cut + 1
    return None


@dataclass(frozen=True, slots=True)
class _Scan:
    """Where the last whole row that another follows ends, and where the array itself is closed."""

    cut: int | None
    closed: int | None


def _scan(rest: bytes) -> _Scan:
    depth, end, cut = 0, None, None
    for token in _TOKEN.finditer(rest):
        mark = token.group()
        if mark in {b"{", b"["}:
            if depth == 0 and end is not None:
                cut = end
            depth += 1
        elif mark in {b"}", b"]"}:
            depth -= 1
            if depth < 0:
                return _Scan(cut, token.start())
            end = token.end()
    return _Scan(cut, None)
