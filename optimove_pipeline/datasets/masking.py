"""Masks: personal values of a sample replaced by others of the same format, alike wherever the same value stands.

Letters become letters and digits digits, so that lengths and patterns are kept; addresses lead to example.com, and
dates stay in their year. Masks follow from a random salt that is never kept, so none leads back to its value.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from secrets import token_bytes
from typing import Any

import polars as pl

from optimove_pipeline.datasets.dataset import ContractColumn, Dataset
from optimove_pipeline.feeds import Kind

DOMAIN = "@example.com"
"""A domain that nobody has (RFC 2606)."""

_ADDRESS = re.compile(r"([^@\s]+)@[^@\s]+")
_TRIES = 100
_ALPHABETS = ("aeiou", "AEIOU", "bcdfghjklmnpqrstvwxz", "BCDFGHJKLMNPQRSTVWXZ")
_LOWER, _UPPER, _DIGITS, _FIRST_DIGITS = "bdfglmnprst", "BDFGLMNPRST", "0123456789", "123456789"


@dataclass(slots=True)
class Masks:
    """The masks of one sample; no two values have the same one, and none is a value of the sample itself."""

    salt: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    of: dict[str, str] = field(default_factory=dict, repr=False)
    taken: set[str] = field(default_factory=set, repr=False)

    def avoid(self, values: Collection[str]) -> None:
        """Note values that no mask may be."""
        self.taken.update(values)

    def text(self, value: str) -> str:
        """Return the mask of a text."""
        if value not in self.of:
            self.of[value] = next(each for each in self._candidates(value) if each not in self.taken)
            self.taken.add(self.of[value])
        return self.of[value]

    def number(self, value: str) -> int:
        """Return a number from 0 to 2^64 that follows from a value and the salt."""
        return int.from_bytes(hmac.digest(self.salt, value.encode(), "sha256")[:8], "big")

    def _candidates(self, value: str) -> Iterator[str]:
        address = _ADDRESS.fullmatch(value)
        for attempt in count():
            digest = hmac.digest(self.salt, f"{attempt} {value}".encode(), "sha512")
            # Short values have few masks of their length.
            longer = "" if attempt < _TRIES else str(attempt)
            yield _alike(address[1] if address else value, digest) + longer + (DOMAIN if address else "")


def mask_rows(rows: pl.DataFrame, dataset: Dataset, personal: Collection[str], masks: Masks) -> pl.DataFrame:
    """Return typed rows with all personal values masked.

    ``personal`` are the names, of any data set, whose values are masked where an event's context has them too.
    """
    return rows.with_columns(
        _masked(rows[column.name], column, masks) for column in dataset.columns if column.personal
    ).with_columns(
        _contexts(rows[column.name], personal, masks) for column in dataset.columns if column.form == "json"
    )


def personal_names(datasets: Collection[Dataset]) -> set[str]:
    """Return the names of all personal columns, in small letters."""
    return {column.name.casefold() for dataset in datasets for column in dataset.columns if column.personal}


def personal_values(rows: pl.DataFrame, dataset: Dataset) -> set[str]:
    """Return the personal values of rows as text."""
    names = [column.name for column in dataset.columns if column.personal]
    return {value for name in names for value in rows[name].cast(pl.String).drop_nulls()}


def _masked(values: pl.Series, column: ContractColumn, masks: Masks) -> pl.Series:
    made = [None if value is None else _mask(value, column, masks) for value in values]
    return pl.Series(values.name, made, values.dtype)


def _mask(value: Any, column: ContractColumn, masks: Masks) -> Any:
    if column.allowed:
        return column.allowed[masks.number(str(value)) % len(column.allowed)]
    match column.kind:
        case Kind.TEXT:
            return masks.text(value)
        case Kind.DATE | Kind.TIME:
            return _other_day(value, masks.number(value.isoformat()))
        case Kind.INTEGER:
            return int(masks.text(str(value)))
        case Kind.NUMBER:
            return float(_alike(f"{value:.4f}", hmac.digest(masks.salt, str(value).encode(), "sha512")))
        case Kind.DECIMAL:
            return Decimal(_alike(str(value), hmac.digest(masks.salt, str(value).encode(), "sha512")))
        case _:
            return value


def _other_day(value: date | datetime, number: int) -> date | datetime:
    """Return another day of the same year; the 29th of February never comes where there is none."""
    first = value.replace(month=1, day=1)
    return first + timedelta(days=number % 365)


def _contexts(texts: pl.Series, personal: Collection[str], masks: Masks) -> pl.Series:
    made = [None if text is None else _context(text, personal, masks) for text in texts]
    return pl.Series(texts.name, made, pl.String())


def _context(text: str, personal: Collection[str], masks: Masks) -> str:
    try:
        content = json.loads(text)
    except ValueError:
        # Nobody can tell what is in it.
        return "{}"
    return json.dumps(_inner("", content, personal, masks), ensure_ascii=False)


def _inner(name: str, value: Any, personal: Collection[str], masks: Masks) -> Any:
    """Return a value of a JSON document, by its name, with all that is personal in it masked."""
    if isinstance(value, dict):
        return {key: _inner(key, each, personal, masks) for key, each in value.items()}
    if isinstance(value, list):
        return [_inner(name, each, personal, masks) for each in value]
    if name.removeprefix("ootb_").casefold() not in personal or value is None or isinstance(value, bool):
        return value
    masked = masks.text(str(value))
    return int(masked) if isinstance(value, int) else masked


def _alike(value: str, digest: bytes) -> str:
    """Return a text with another letter for each letter and another digit for each digit, by a digest's bytes."""
    first = True
    made = []
    for place, character in enumerate(value):
        made.append(_other(character, digest[place % len(digest)] + place // len(digest), leading=first))
        first = first and not character.isdigit()
    return "".join(made)


def _other(character: str, number: int, *, leading: bool) -> str:
    if character.isdigit():
        # A number keeps its length, and stays 0 if it was.
        digits = "0" if character == "0" and leading else _FIRST_DIGITS if leading else _DIGITS
        return digits[number % len(digits)]
    if not character.isalpha():
        return character
    for alphabet in _ALPHABETS:
        if character in alphabet:
            return alphabet[number % len(alphabet)]
    letters = _UPPER if character.isupper() else _LOWER
    return letters[number % len(letters)]
