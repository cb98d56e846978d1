"""Cleaning up text before it leaves, as the settings say.

Nearly all text is clean. So one pass looks for what is not, and only those rows are treated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from optimove_pipeline.settings.packages import CleanUp

STABLE = r"\x{a0}-\x{2ff}\x{388}-\x{3ff}\x{400}-\x{482}\x{48a}-\x{52f}\x{5d0}-\x{5ea}"
"""Latin, Greek, Cyrillic and Hebrew letters that NFC leaves alone, whatever letters of these stand beside them."""

UNCLEAN = rf"[^ -~{STABLE}]|^[ \x{{a0}}]|[ \x{{a0}}]$|^$"
"""All text that clean-up may change, and some that it does not."""

_SAMPLE, _FEW = 512, 64
"""A column that has so few different values among its first rows is treated value by value."""

_LINE_BREAKS = "\r\n|[\t\n\x0b\x0c\r\x85\u2028\u2029]"
_CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"


def cleaned(text: pl.Series, rules: CleanUp) -> pl.Series:
    """Return text with line breaks, control characters, form, blank ends and empty values as the rules have them."""
    return treated(text, UNCLEAN, partial(_clean, rules=rules))


def treated(text: pl.Series, pattern: str, treatment: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return text with the treatment applied to the rows that match a pattern, and only to them."""
    if text.head(_SAMPLE).n_unique() <= _FEW:
        return _treated_by_value(text, pattern, treatment)
    matching = text.str.contains(pattern)
    if not matching.any():
        return text
    few = treatment(text.filter(matching))
    return text.clone().scatter(matching.arg_true(), few)


def _treated_by_value(text: pl.Series, pattern: str, treatment: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Do the same where values repeat, in half the time: each is looked at once."""
    values = text.unique()
    matching = values.filter(values.str.contains(pattern))
    return text if matching.is_empty() else text.replace(matching, treatment(matching))


def _clean(text: pl.Series, rules: CleanUp) -> pl.Series:
    if rules.line_breaks == "space":
        text = text.str.replace_all(_LINE_BREAKS, " ")
    if rules.control_characters == "strip":
        text = text.str.replace_all(_CONTROL_CHARACTERS, "")
    if rules.normalize == "NFC":
        text = text.str.normalize("NFC")
    if rules.trim:
        text = text.str.strip_chars()
    return text if rules.empty == "keep" else text.set(text == "", None)
