"""Reading delivered files: CSV, NDJSON and Parquet, row by row."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.sandbox.receiver.names import FileName

Value = Any
"""Text; None for a blank; for NDJSON also numbers as text in ``Number``, booleans, lists and objects."""


class Unreadable(Exception):
    """The file can't be read as what it says it is; the text says why."""


class Number(str):
    """A bare number of NDJSON, as it is written."""

    __slots__ = ()


def header_of(path: Path, name: FileName) -> tuple[str, ...] | None:
    """The columns of a CSV file, in their order; None for the other forms.

    Raises:
        Unreadable: There is no header, or it is none.
    """
    if name.form != "csv":
        return None
    with _text(path, name) as text:
        return _header(csv.reader(text, strict=True))


def rows_of(path: Path, name: FileName) -> Iterator[tuple[int, dict[str, Value]]]:
    """Each row with the number of its line.

    Raises:
        Unreadable: The file is broken, or a row is.
    """
    if name.form == "parquet":
        yield from _parquet(path)
        return
    with _text(path, name) as text:
        yield from _csv(text) if name.form == "csv" else _ndjson(text)


@contextmanager
def _text(path: Path, name: FileName) -> Iterator[io.TextIOBase]:
    try:
        with (gzip.open if name.gzip else open)(path, "rb") as file:
            begin = file.read(3)
            if begin == b"\xef\xbb\xbf":
                raise Unreadable("begins with a byte order mark")
            file.seek(0)
            with io.TextIOWrapper(file, "utf-8", newline="") as text:
                yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise Unreadable("is no whole gzip file") from problem
    except UnicodeDecodeError as problem:
        raise Unreadable("is not UTF-8") from problem
    except csv.Error as problem:
        raise Unreadable(f"is no CSV: {problem}") from problem


def _header(lines: Any) -> tuple[str, ...]:
    header = tuple(next(lines, ()))
    if not header:
        raise Unreadable("has no header")
    if len({*header}) != len(header):
        raise Unreadable("names a column twice")
    return header


def _csv(text: io.TextIOBase) -> Iterator[tuple[int, dict[str, Value]]]:
    lines = csv.reader(text, strict=True)
    header = _header(lines)
    for values in lines:
        if len(values) != len(header):
            raise Unreadable(
                f"has {len(values)} values in line {lines.line_num}, {len(header)} columns in its header"
            )
        yield lines.line_num, {name: value or None for name, value in zip(header, values, strict=True)}


def _ndjson(text: io.TextIOBase) -> Iterator[tuple[int, dict[str, Value]]]:
    for number, line in enumerate(text, 1):
        try:
            found = json.loads(
                line, object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=Number
            )
        except json.JSONDecodeError as problem:
            raise Unreadable(f"has no JSON object in line {number}") from problem
        if not isinstance(found, dict):
            raise Unreadable(f"has no JSON object in line {number}")
        yield number, found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("names a field twice in one object")
    return found


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Value]]]:
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as problem:
        raise Unreadable("is no Parquet file") from problem
    for number, row in enumerate(frame.iter_rows(named=True), 1):
        yield number, {name: _as_text(value) for name, value in row.items()}


def _as_text(value: object) -> Value:
    """Parquet's own types as the other forms write them."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, date | Decimal | int | float):
        return str(value)
    return value
