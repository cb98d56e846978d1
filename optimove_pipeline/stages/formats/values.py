"""Values as text: numbers, flags, dates and times, each column in the form that its field has.

Polars formats a time in 200 to 400 ns. Dates repeat, and so do times of day; so where a pattern names first the date
and then the time of day, both are looked up in tables of texts, which takes a quarter of that.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

import polars as pl

from optimove_pipeline.errors import ContractError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.formats.fields import Field

MOST_DIGITS = 38
"""Digits of a decimal, in Polars as in Snowflake."""

_EPOCH, _FIRST, _END = date(1970, 1, 1), date(1900, 1, 1), date(2101, 1, 1)
_FIRST_NUMBER, _END_NUMBER = (_FIRST - _EPOCH).days, (_END - _EPOCH).days
_DAY_SECONDS = 86_400
_MANY, _FEW_DAYS = 10_000, 3
"""As most times of a day's changes lie in that day, so many of them are worth a table of every second of it."""
_ALL_WHOLE = 2.0**53
"""From here on a float is a whole number; scaled up to a decimal it would lose digits."""
_DATE_THEN_CLOCK = re.compile(r"((?:%[YymbBdj]|[^%])*)((?:%[HIpMS]|[^%])*)")


def as_text(values: pl.Series, field: Field, places: int) -> pl.Series:
    """Return a column as text; null stays null. Numbers are rounded to ``places`` and written in full.

    Raises:
        ContractError: a number has more than ``MOST_DIGITS`` digits, or is none.
    """
    match field.kind:
        case Kind.NUMBER:
            return decimals(values, field.name, places, MOST_DIGITS).cast(pl.String)
        case Kind.FLAG:
            yes, no = field.form.split("/")
            return pl.select(pl.when(values).then(pl.lit(yes)).when(~values).then(pl.lit(no))).to_series()
        case Kind.DATE:
            return _dates(values.cast(pl.Int32), field.form)
        case Kind.TIME:
            return _times(in_utc(values), field.form)
        case _:
            return values.cast(pl.String)


def decimals(values: pl.Series, name: str, places: int, digits: int) -> pl.Series:
    """Return numbers as decimals of so many digits, rounded half to even to at most so many places.

    Raises:
        ContractError: a number does not fit, or is NaN or infinite.
    """
    scale = min(places, values.dtype.scale) if isinstance(values.dtype, pl.Decimal) else places
    dtype = pl.Decimal(digits, scale)
    rounded = _of_floats(values, dtype) if values.dtype.is_float() else values.cast(dtype, strict=False)
    if rounded.null_count() > values.null_count():
        raise ContractError(
            f"column {name} holds a number that is not finite, or has more than {digits} digits, {scale} of them "
            "after the point: correct it at the source, then validate the day again"
        )
    return rounded


def _of_floats(values: pl.Series, dtype: pl.Decimal) -> pl.Series:
    """Return floats as decimals; null those that don't fit, of which Polars' cast would take some and fail later."""
    fitting = values.abs() < 10 ** (dtype.precision - dtype.scale) - 0.5 * 10**-dtype.scale
    values = values.set(~fitting, None)
    whole = values.abs() >= _ALL_WHOLE
    if not whole.any():
        return values.cast(dtype)
    exact = values.set(~whole, None).cast(pl.Int128).cast(dtype)
    return exact.zip_with(whole.fill_null(value=False), values.set(whole, None).cast(dtype))


def in_utc(times: pl.Series) -> pl.Series:
    """Return times without a zone: those that have one are turned to UTC, the others stay as they are."""
    zoned = isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone is not None
    return times.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else times


def _dates(numbers: pl.Series, pattern: str) -> pl.Series:
    """Return days, by their number since 1970, as text."""
    if _within_tables(numbers):
        return _date_texts(pattern).gather(numbers - _FIRST_NUMBER)
    return numbers.cast(pl.Date).dt.to_string(pattern)


def _times(times: pl.Series, pattern: str) -> pl.Series:
    split = _DATE_THEN_CLOCK.fullmatch(pattern)
    seconds = times.dt.epoch("s")
    first, last = (_day_number(second) for second in (seconds.min(), seconds.max()))
    if split is None or first is None or last is None or first < _FIRST_NUMBER or last >= _END_NUMBER:
        return times.dt.to_string(pattern)
    if times.len() >= _MANY and last - first < _FEW_DAYS:
        return _moment_texts(first, last, split[1], split[2]).gather(seconds - first * _DAY_SECONDS)
    dates = _date_texts(split[1]).gather(seconds // _DAY_SECONDS - _FIRST_NUMBER)
    return dates + _clock_texts(split[2]).gather(seconds % _DAY_SECONDS)


def _day_number(second: object) -> int | None:
    return second // _DAY_SECONDS if isinstance(second, int) else None


def _within_tables(numbers: pl.Series) -> bool:
    return bool(((numbers >= _FIRST_NUMBER) & (numbers < _END_NUMBER)).all())


@lru_cache(maxsize=8)
def _moment_texts(first: int, last: int, date_pattern: str, clock_pattern: str) -> pl.Series:
    """Return the texts of all seconds from the first day to the end of the last."""
    days = _date_texts(date_pattern).slice(first - _FIRST_NUMBER, last - first + 1)
    texts: list[pl.Series] = [day + _clock_texts(clock_pattern) for day in days]
    return pl.concat(texts, rechunk=True)


@lru_cache(maxsize=16)
def _date_texts(pattern: str) -> pl.Series:
    return pl.date_range(_FIRST, _END, closed="left", eager=True).dt.to_string(pattern)


@lru_cache(maxsize=16)
def _clock_texts(pattern: str) -> pl.Series:
    midnight = datetime(1970, 1, 1)  # noqa: DTZ001 - of no zone, as are the times
    seconds = pl.datetime_range(midnight, midnight + timedelta(days=1), "1s", closed="left", eager=True)
    return seconds.dt.to_string(pattern)
