"""Reading answers: the rows of a report as frames of text columns, in flat memory, and small look-ups as JSON.

Values stay text as they came; giving them their types is the validated stage's affair.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.errors import AnswerError
from optimove_pipeline.feeds import Column, attribute_column, snake_case
from optimove_pipeline.optimove.blocks import BLOCK_BYTES, broken, parse_rows
from optimove_pipeline.optimove.raw_answers import open_answer
from optimove_pipeline.optimove.rows import Rows, parse_block

STAMPED_EVERYWHERE = frozenset({"report_date", "_loaded_at", "_run_id"})
"""Columns that every table has besides those of its report, so no field of an answer may take their names."""

LARGEST_LOOK_UP_BYTES = 64 * 2**20


def read_frames(
    path: Path,
    columns: Sequence[Column],
    attributes: Sequence[str] = (),
    *,
    known: dict[str, None] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of the answer in ``path`` (plain or gzip) as frames, every column of type String.

    Columns, in this order: the documented ``columns`` that are not stamped, null where the answer lacks them; one
    ``attribute_<name in snake_case>`` per requested attribute; and each unknown field that holds a value, under its
    name in snake_case, with ``_field`` added where that is the name of another column. Keys are matched whatever
    their case; fields and aliases of one column are coalesced, as are unknown keys of one column name. Numbers come
    in decimals (``1.10`` as ``1.1``), flags as ``true`` and ``false``, nested values as JSON. Half a surrogate pair
    becomes U+FFFD. An unknown field that is null in the whole block is left out.

    ``known`` remembers the keys seen; passing one dict for all answers of a function saves searching for them again.

    Raises TransientError where JSON or gzip end too early; AnswerError where the answer is not rows, or customer
    attributes don't fit those requested.
    """
    known = known if known is not None else {}
    known |= _documented_keys(columns, attributes)
    parse = partial(parse_block, names=tuple(attributes), known=known)
    with open_answer(path) as stream:
        for rows in parse_rows(stream, parse, block_bytes):
            yield _arranged(rows, columns, attributes)


def _documented_keys(columns: Sequence[Column], attributes: Sequence[str]) -> dict[str, None]:
    fields = (spelling for column in columns if column.field for spelling in (column.field, *column.aliases))
    return dict.fromkeys((*fields, "CustomerAttributes") if attributes else fields)


def _arranged(rows: Rows, columns: Sequence[Column], attributes: Sequence[str]) -> pl.DataFrame:
    documented: dict[str, list[pl.Series]] = {column.name: [] for column in columns if not column.stamped}
    held = {attribute_column(name): list(values) for name, values in zip(attributes, rows.attributes, strict=True)}
    reserved = STAMPED_EVERYWHERE | {column.name for column in columns} | held.keys()
    names = _names_by_spelling(columns)
    unknown: dict[str, list[pl.Series]] = {}
    for key, values in rows.fields.items():
        if (name := names.get(key.lower())) is not None:
            documented[name].append(values)
        elif values.null_count() < rows.height:
            unknown.setdefault(_unknown_column(key, reserved), []).append(values)
    return pl.DataFrame(
        [_coalesced(name, values, rows.height) for name, values in (documented | held | unknown).items()]
    )


def _coalesced(name: str, spellings: Sequence[pl.Series], height: int) -> pl.Series:
    if not spellings:
        return pl.Series(name, [None], pl.String).new_from_index(0, height)
    first = spellings[0]
    for other in spellings[1:]:
        first = first.zip_with(first.is_not_null(), other)
    return first.alias(name)


def _names_by_spelling(columns: Sequence[Column]) -> dict[str, str]:
    return {
        spelling.lower(): column.name
        for column in columns
        if not column.stamped
        for spelling in (column.field, *column.aliases)
    }


def _unknown_column(key: str, reserved: Set[str]) -> str:
    column = snake_case(key)
    return f"{column}_field" if column in reserved or not column else column


def read_json(path: Path) -> Any:
    """Return the whole JSON of a small answer (plain or gzip); None for an empty body.

    Raises TransientError where JSON or gzip end too early; AnswerError where it is not JSON, or larger than
    ``LARGEST_LOOK_UP_BYTES``.
    """
    with open_answer(path) as stream:
        text = stream.read(LARGEST_LOOK_UP_BYTES + 1)
    if len(text) > LARGEST_LOOK_UP_BYTES:
        raise AnswerError(f"the answer is larger than {LARGEST_LOOK_UP_BYTES} bytes, too much for a look-up")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnswerError(f"the answer is not UTF-8: {error.reason}") from error
    if not decoded.strip():
        return None
    try:
        return json.loads(decoded)
    except (ValueError, RecursionError) as error:
        raise broken(decoded.strip().encode()) from error
