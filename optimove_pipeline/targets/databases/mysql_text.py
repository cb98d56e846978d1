"""Rows as text for MySQL: lines of LOAD DATA, and tuples of INSERT."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import polars as pl

LINES = r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"
"""The form of ``as_lines``, as LOAD DATA is told of it."""
_MOMENT = "%Y-%m-%d %H:%M:%S%.6f"
_IN_LINES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": r"\0"}
_IN_TUPLES = {"\\": r"\\", "'": r"\'", "\0": r"\0"}


def as_lines(frame: pl.DataFrame) -> bytes:
    r"""Return rows as lines of escaped values between tabs; null is ``\N``, flags are 0 and 1."""
    escaped = frame.with_columns(_escaped(pl.col(pl.String), _IN_LINES), pl.col(pl.Boolean).cast(pl.Int8))
    lines = BytesIO()
    escaped.write_csv(
        lines, include_header=False, separator="\t", quote_style="never", null_value=r"\N", datetime_format=_MOMENT
    )
    return lines.getvalue()


def as_tuples(frame: pl.DataFrame, most_characters: int) -> Iterator[str]:
    """Yield the values of rows as tuples with commas between them, about so many characters at a time."""
    values = pl.concat_str([_literal(each) for each in frame], separator=",")
    some, length = list[str](), 0
    for row in frame.select(pl.format("({})", values)).to_series():
        if some and length + len(row) > most_characters:
            yield ",".join(some)
            some, length = [], 0
        some.append(row)
        length += len(row) + 1
    if some:
        yield ",".join(some)


def _escaped(texts: pl.Expr, escapes: dict[str, str]) -> pl.Expr:
    return texts.str.replace_many(list(escapes), list(escapes.values()))


def _literal(values: pl.Series) -> pl.Expr:
    own = pl.col(values.name)
    if values.dtype == pl.String:
        text = pl.format("'{}'", _escaped(own, _IN_TUPLES))
    elif isinstance(values.dtype, pl.Datetime):
        text = pl.format("'{}'", own.dt.to_string(_MOMENT))
    elif values.dtype == pl.Date:
        text = pl.format("'{}'", own.dt.to_string("%Y-%m-%d"))
    else:
        text = (own.cast(pl.Int8) if values.dtype == pl.Boolean else own).cast(pl.String)
    return pl.when(own.is_null()).then(pl.lit("NULL")).otherwise(text)
