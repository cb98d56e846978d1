"""A window's bounds as values of the column that they are compared with."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from optimove_pipeline.errors import SettingsError

_SORTED = ("%Y", "%m", "%d", "%H", "%M", "%S")
_FRACTIONS = frozenset({"%f", "%3f", "%6f", "%.f", "%.3f", "%.6f"})
_DIRECTIVE = re.compile(r"%\.?[0-9]?[A-Za-z]")
BATCH_FORM = "%Y-%m-%d %H:%M:%S"
"""How text without a pattern of its own is taken (reference on delivery, section 1.1)."""


def bound(moment: datetime, dtype: pl.DataType, zone: str | None, pattern: str | None) -> str:
    """Return a moment (with its zone) as text that a database compares with a column of ``dtype`` as a moment.

    ``zone`` is that of times that the column holds without one, UTC if None; ``pattern`` that of its text. At the
    end of summer time two moments have one text: rows of that hour
    then belong to the later window, and none to no window.

    Raises:
        SettingsError: the column can't be compared with a moment.
    """
    local = moment.astimezone(_zone(dtype, zone))
    if isinstance(dtype, pl.Datetime):
        return f"{local:%Y-%m-%dT%H:%M:%S}"
    if dtype == pl.Date:
        return f"{_first_day(local):%Y-%m-%d}"
    if dtype == pl.String:
        form = _sorting(pattern or BATCH_FORM)
        return (local if "%H" in form else _first_day(local)).strftime(form)
    raise SettingsError(f"a change column of the type {dtype}: expected times, dates, or text with a pattern")


def _zone(dtype: pl.DataType, zone: str | None) -> ZoneInfo:
    # Times with a zone are compared in a session whose zone is UTC.
    zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    return ZoneInfo("UTC" if zoned or zone is None else zone)


def _first_day(moment: datetime) -> date:
    """Return the first day that begins at or after a moment: a day counts as its first moment."""
    return moment.date() if moment.time() == time() else moment.date() + timedelta(days=1)


def _sorting(pattern: str) -> str:
    """Return the pattern for ``strftime``, which writes no fractions: a text with one is after one without."""
    found = [each for each in _DIRECTIVE.findall(pattern) if each not in _FRACTIONS]
    if tuple(found) != _SORTED[: len(found)] or len(found) < _SORTED.index("%d") + 1:
        raise SettingsError(
            f"a change column with text such as {pattern!r}: this does not sort by time; read it through a query "
            "that makes it a time, or from files with the date in their path, or load: snapshot"
        )
    return _cut(pattern)


def _cut(pattern: str) -> str:
    """Return the pattern up to its last sorted directive: what follows is the same in each text, or a fraction."""
    ends = [match.end() for match in _DIRECTIVE.finditer(pattern) if match.group() not in _FRACTIONS]
    return pattern[: max(ends)]
