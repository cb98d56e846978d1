"""One block of rows, from JSON to columns of text: one per key, spelled as the answer spells it.

Polars parses the keys it is told, quickly, and drops all others; so a count over the text proves that there were no
others, and only where it can't, the keys are searched for. Blocks that Polars can't turn into text (nested values,
lone surrogates, integers beyond 128 bits) are read by the standard library instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from optimove_pipeline.errors import AnswerError

ATTRIBUTE_KEYS = ("customerattributes", "customerattribute")
"""The keys under which customer attributes come, in lower case (reference, section 1.8)."""

_KEY = re.compile(rb'[{,]\s*"(?=([^"\\]*(?:\\.[^"\\]*)*)"\s*:)', re.DOTALL)
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_SPACED_KEY = re.compile(rb'"[ \t\r\n]+:')
_SPACES = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one block as text Series of length ``height``.

    ``fields`` are by key, as the answer spells it. ``attributes`` holds, for each requested customer attribute in
    order, one Series per key under which attributes came.
    """

    height: int
    fields: dict[str, pl.Series]
    attributes: tuple[tuple[pl.Series, ...], ...]


def is_attribute_key(key: str) -> bool:
    """Return whether customer attributes come under this key, whatever its case."""
    return key.lower() in ATTRIBUTE_KEYS


def parse_block(block: bytes, names: Sequence[str], known: dict[str, None]) -> Rows | None:
    """Return the rows of a block, or None where the block is not valid JSON.

    ``names`` are the customer attributes requested. Keys in ``known`` are always among the fields, and new ones that
    hold a value are added to it. Raises AnswerError where a row is not an object or attributes don't fit their names.
    """
    if _has_half_pair(block):
        return _parse_slowly(block, names, known)
    try:
        return _parse_quickly(block, names, known)
    except pl.exceptions.ComputeError:
        return _parse_slowly(block, names, known)


def _has_half_pair(block: bytes) -> bool:
    """Whether there may be a first half of a surrogate pair alone, which Polars would silently turn into U+0000.

    A second half alone it refuses.
    """
    return b"\\" in block and b"\\u" in block and _HALF_PAIR.search(block) is not None


def _parse_quickly(block: bytes, names: Sequence[str], known: dict[str, None]) -> Rows | None:
    keys = tuple(known)
    frame = _read(block, keys, names)
    if not _covers(frame, block):
        # Not those that ``known`` lacks by now: other answers add to it meanwhile, and this frame has no such column.
        new = tuple(key for key in _keys_of(block) if key not in keys)
        if new:
            frame = _read(block, keys + new, names)
            known |= dict.fromkeys(key for key in new if frame[key].null_count() < frame.height)
    fields = {series.name: series for series in frame.get_columns() if series.name in known}
    lists = [fields.pop(key) for key in tuple(fields) if names and is_attribute_key(key)]
    if lists and not _all_arrays(lists, block.translate(None, _SPACES)):
        return _parse_slowly(block, names, known)
    return Rows(frame.height, fields, _spread(lists, names))


def _read(block: bytes, keys: Sequence[str], names: Sequence[str]) -> pl.DataFrame:
    as_list = pl.List(pl.String)
    schema = {key: as_list if names and is_attribute_key(key) else pl.String for key in keys}
    return pl.read_json(block, schema=schema)


def _covers(frame: pl.DataFrame, block: bytes) -> bool:
    """Whether the frame surely has a value for every key of the block that is not null there.

    A quote before a colon ends a key that has no space behind it, and all else with such a pair is in a value. So
    where the pairs are as many as the values, besides those that null follows, no key was dropped: pairs in values
    only make them more.
    """
    text = pl.Series([block], dtype=pl.Binary).cast(pl.List(pl.UInt8)).explode()
    colons = (text == ord(":"))[1:]
    if (colons & (text <= ord(" "))[:-1]).any() and _SPACED_KEY.search(block):
        return False
    keys = colons & (text == ord('"'))[:-1]
    nulls = (keys[:-1] & (text == ord("n"))[2:]).sum()
    values = sum(frame.height - column.null_count() for column in frame.get_columns())
    pairs = keys.sum()
    return pairs == values + nulls or pairs == values + nulls + _spaced_nulls(keys, text)


def _spaced_nulls(keys: pl.Series, text: pl.Series) -> int:
    return int((keys[:-2] & (text == ord(" "))[2:-1] & (text == ord("n"))[3:]).sum())


def _keys_of(block: bytes) -> list[str]:
    return [_unescaped(key) for key in dict.fromkeys(_KEY.findall(block))]


def _unescaped(key: bytes) -> str:
    if b"\\" not in key:
        return key.decode()
    return str(json.loads(b'"' + key + b'"'))


def _all_arrays(lists: Sequence[pl.Series], text: bytes) -> bool:
    """Whether all lists were arrays in the text (without spaces), and none a lone value that Polars wrapped."""
    return all(text.count(f'"{each.name}":['.encode()) == len(each) - each.null_count() for each in lists)


def _spread(lists: Sequence[pl.Series], names: Sequence[str]) -> tuple[tuple[pl.Series, ...], ...]:
    for values in lists:
        most = values.list.len().max()
        if isinstance(most, int) and most > len(names):
            raise _misfit(most, names)
    return tuple(tuple(values.list.get(at, null_on_oob=True) for values in lists) for at in range(len(names)))


def _misfit(count: int, names: Sequence[str]) -> AnswerError:
    return AnswerError(
        f"a row has {count} customer attribute values where {len(names)} were requested ({';'.join(names)}), so the "
        "values can't be told apart"
    )


def _parse_slowly(block: bytes, names: Sequence[str], known: dict[str, None]) -> Rows | None:
    try:
        parsed = json.loads(block.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    rows = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(row, dict) for row in rows):
        raise AnswerError("the answer is not a JSON array of rows: a row is not an object")
    known |= {key: None for row in rows for key, value in row.items() if value is not None}
    lists = [[row.get(key) for row in rows] for key in tuple(known) if names and is_attribute_key(key)]
    fields = {
        key: pl.Series(key, [as_text(row.get(key)) for row in rows], pl.String)
        for key in tuple(known)
        if not (names and is_attribute_key(key))
    }
    return Rows(len(rows), fields, _spread([_fitted(values, names) for values in lists], names))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _fitted(values: list[Any], names: Sequence[str]) -> pl.Series:
    lists = [value if isinstance(value, list) else _undelimited(value, names) for value in values]
    return pl.Series([[as_text(item) for item in items] for items in lists], dtype=pl.List(pl.String))


def _undelimited(value: Any, names: Sequence[str]) -> list[Any]:
    if value is None or (value == "" and len(names) > 1):
        return []
    if len(names) == 1:
        return [value]
    for delimiter in ",;":
        parts = str(value).split(delimiter)
        if len(parts) == len(names):
            return parts
    raise AnswerError(
        f"the customer attributes of a row came as one text, which can't be split into the {len(names)} requested "
        f"({';'.join(names)})"
    )


def as_text(value: Any) -> str | None:
    """Return a JSON value as text: strings as they are, numbers in decimals, flags lower case, the rest as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return _whole_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _decimals(value)
    return _whole_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _decimals(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole_text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
