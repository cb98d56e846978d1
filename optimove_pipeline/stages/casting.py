"""From the text of an answer to the types of a contract.

Each kind takes the spellings that reference, section 1.7, has seen in use, and nothing else:

======= ==========================================================================================
kind    accepted text
======= ==========================================================================================
text    anything, unchanged; the empty text stays empty
integer ``12``, ``12.0``, within 64 bits
number  ``12``, ``12.5``, ``1e-3``; not ``NaN``, not infinite
decimal ``12``, ``12.5``; rounded to four places
flag    ``true``, ``false``, ``1``, ``0``, whatever the case
date    ``2015-06-24``, also followed by a midnight, as in ``2015-06-24 00:00:00`` or ``2015-06-24T00:00:00``
time    ``2015-12-30 10:30:00``, also with ``T``, also with a fraction; never with a zone, which we would lose
======= ==========================================================================================

Other text becomes null, as does, for kinds other than text, the empty text.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from optimove_pipeline.feeds import Kind

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-5][0-9]"


def cast(frame: pl.DataFrame, kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """Return the named text columns as their kinds; text that is no value of its kind becomes null.

    The usual spelling is tried first, for it is several times faster to read.
    """
    typed = frame.select(_usual(pl.col(name), kind).alias(name) for name, kind in kinds.items())
    lost = [name for name in kinds if typed[name].null_count() > frame[name].null_count()]
    return typed.with_columns(frame.select(_any_spelling(pl.col(name), kinds[name]).alias(name) for name in lost))


def _usual(text: pl.Expr, kind: Kind) -> pl.Expr:
    match kind:
        case Kind.TEXT:
            return text
        case Kind.INTEGER:
            return text.cast(pl.Int64, strict=False)
        case Kind.NUMBER:
            return _finite(text.cast(pl.Float64, strict=False))
        case Kind.DECIMAL:
            return text.cast(kind.dtype, strict=False)
        case Kind.FLAG:
            return pl.when(text == "true").then(True).when(text == "false").then(False)  # noqa: FBT003
        case Kind.DATE:
            return _matching(text, f"^{_DATE}$").str.to_date("%Y-%m-%d", strict=False)
        case Kind.TIME:
            return _time(_matching(text, f"^{_DATE} {_CLOCK}$"), "%Y-%m-%d %H:%M:%S")


def _any_spelling(text: pl.Expr, kind: Kind) -> pl.Expr:
    match kind:
        case Kind.INTEGER:
            return text.str.replace(r"^([+-]?[0-9]+)\.0+$", "$1").cast(pl.Int64, strict=False)
        case Kind.FLAG:
            return _flag(text)
        case Kind.DATE:
            return _usual(text.str.replace(r"^(.{10})[ T]00:00:00(?:\.0+)?$", "$1"), kind)
        case Kind.TIME:
            matching = _matching(text, rf"^{_DATE}[ T]{_CLOCK}(?:\.[0-9]{{1,9}})?$")
            return _time(matching.str.replace("T", " ", literal=True), "%Y-%m-%d %H:%M:%S%.f")
        case _:
            return _usual(text, kind)


def _matching(text: pl.Expr, pattern: str) -> pl.Expr:
    # Polars' parsers are lax: they take "2015-6-4", " 2015-06-04" and a 60th second.
    return pl.when(text.str.contains(pattern)).then(text)


def _time(text: pl.Expr, template: str) -> pl.Expr:
    return text.str.to_datetime(template, time_unit="us", strict=False)


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _flag(text: pl.Expr) -> pl.Expr:
    spelling = text.str.to_lowercase()
    return pl.when(spelling.is_in(["true", "1"])).then(True).when(spelling.is_in(["false", "0"])).then(False)  # noqa: FBT003
