"""What text looks like that Optimove does not take as it is, and what it is repaired to (reference, section 1.1)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from optimove_pipeline.feeds import Kind

PLACEHOLDERS = ("NULL", "null", "(null)", "N/A", "n/a", "#N/A", "NaN", "nan", "undefined", "\\N", "-", "?")
"""Texts that stand for no value. ``Null`` is a name, ``NA`` a country, ``None`` an answer: they are none of these."""

ANSWERS = {
    "yes": "Yes",
    "y": "Yes",
    "true": "Yes",
    "t": "Yes",
    "1": "Yes",
    "no": "No",
    "n": "No",
    "false": "No",
    "f": "No",
    "0": "No",
}

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_TIME = f"{_DATE} {_CLOCK}"
_ZONE = r" ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})$"
_ISO = rf"^{_DATE}(?:$|[T ]{_CLOCK}(?:$|{_ZONE}))"
_USUAL = {Kind.DATE: f"^{_DATE}$", Kind.TIME: f"^{_TIME}$"}
_WRITTEN = {Kind.DATE: "%Y-%m-%d", Kind.TIME: "%Y-%m-%d %H:%M:%S%.6f"}


def is_foreign_form(text: pl.Expr, kind: Kind, form: str | None) -> pl.Expr:
    """Return whether text is a date or time in ISO form, other than those of batch files and of the column itself."""
    foreign = text.str.contains(_ISO) & ~text.str.contains(_USUAL[kind])
    if form is not None and form.endswith(" UTC"):
        foreign &= ~text.str.contains(f"^{_TIME} UTC$")
    return foreign


def from_iso(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Return dates and times in ISO form as text in the form of batch files, in UTC; other text is null."""
    spaced = text.str.replace("^(.{10})T", "${1} ")
    dated = pl.when(text.str.contains(f"^{_DATE}$")).then(text + " 00:00:00").otherwise(spaced)
    zoned = (
        pl.when(dated.str.contains(rf"{_CLOCK}{_ZONE}"))
        .then(dated.str.replace(r"(?:Z|UTC)$", "+00:00").str.replace(r" ?([+-][0-9]{2}):?([0-9]{2})$", "${1}:${2}"))
        .otherwise(dated + "+00:00")
    )
    moment = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False)
    return moment.dt.to_string(_WRITTEN[kind])


def canonical(text: pl.Expr, allowed: Sequence[str]) -> pl.Expr:
    """Return text as one of the allowed values where it differs in the case of letters alone; else null."""
    return text.str.to_lowercase().replace_strict({value.lower(): value for value in allowed}, default=None)


def answer(text: pl.Expr) -> pl.Expr:
    """Return ``Yes`` or ``No`` for all that is known to mean one of them, else null."""
    return text.str.to_lowercase().replace_strict(ANSWERS, default=None)
