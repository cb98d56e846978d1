"""From the types of a source to those of a contract.

A source gives numbers, times and the like as its own types, or as text; both are read alike. Text of dates and
times may be in ISO form, and flags may be spelled in many ways: rules have told of that before. Times with a zone
become UTC, those without one are UTC. What is no value of its kind becomes null.
"""

from __future__ import annotations

import polars as pl

from optimove_pipeline.datasets.dataset import ContractColumn
from optimove_pipeline.datasets.rules.texts import answer, from_iso
from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.casting import cast

_MOST = 10**14
"""Decimals have 14 digits before the point."""


def as_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return all columns as text, whatever their types; objects and lists as JSON."""
    return frame.select(_as_text(frame[name]) for name in frame.columns)


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        return values
    if isinstance(values.dtype, pl.Struct):
        return values.struct.json_encode().set(values.is_null(), None)
    if isinstance(values.dtype, pl.List | pl.Array):
        wrapped = values.alias("").to_frame().to_struct().struct.json_encode()
        listed = wrapped.str.strip_prefix('{"":').str.strip_suffix("}")
        return listed.set(values.is_null(), None).alias(values.name)
    if values.dtype.is_float():
        # Ids come as 12.0 where others are null.
        whole = values.cast(pl.Int64, strict=False)
        if (whole.cast(values.dtype).eq_missing(values)).all():
            return whole.cast(pl.String)
    return values.cast(pl.String)


def without_empty(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows with null for empty text, which is how Optimove wants what is missing."""
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(pl.when(pl.col(name) != "").then(name).alias(name) for name in text)


def read_typed(frame: pl.DataFrame, columns: tuple[ContractColumn, ...]) -> pl.DataFrame:
    """Return the columns of a contract as their kinds; text is null where it is no value of its kind."""
    return pl.DataFrame([_typed(frame[column.name], column) for column in columns])


def _typed(values: pl.Series, column: ContractColumn) -> pl.Series:
    if column.kind is Kind.TEXT:
        return _as_text(values)
    if values.dtype == pl.String:
        return _from_text(values, column)
    if values.dtype == pl.Null:
        return values.cast(column.kind.dtype)
    return values.to_frame().select(_converted(pl.col(values.name), values.dtype, column.kind)).to_series()


def _from_text(text: pl.Series, column: ContractColumn) -> pl.Series:
    name, kind = column.name, column.kind
    frame = text.to_frame()
    if kind is Kind.FLAG:
        frame = frame.select(answer(pl.col(name)).replace_strict({"Yes": "true", "No": "false"}, default=None))
    typed = cast(frame, {name: kind})[name]
    if kind in {Kind.DATE, Kind.TIME} and typed.null_count() > text.null_count():
        iso = cast(frame.select(from_iso(pl.col(name), kind)), {name: kind})[name]
        return pl.select(pl.coalesce(typed, iso)).to_series().alias(name)
    return typed


def _converted(value: pl.Expr, dtype: pl.DataType, kind: Kind) -> pl.Expr:
    match kind:
        case Kind.INTEGER:
            return _integer(value, dtype)
        case Kind.NUMBER:
            number = value.cast(pl.Float64, strict=False) if dtype.is_numeric() else _none(kind)
            return pl.when(number.is_finite()).then(number).alias(value.meta.output_name())
        case Kind.DECIMAL:
            return _decimal(value, dtype)
        case Kind.FLAG:
            return _flag(value, dtype)
        case _:
            return _moment(value, dtype, kind)


def _none(kind: Kind) -> pl.Expr:
    return pl.lit(None, kind.dtype)


def _integer(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    name = value.meta.output_name()
    if not dtype.is_numeric():
        return _none(Kind.INTEGER).alias(name)
    if dtype.is_integer():
        return value.cast(pl.Int64, strict=False)
    whole = value.cast(pl.Int64, strict=False)
    return pl.when(whole.cast(pl.Float64) == value.cast(pl.Float64)).then(whole).alias(name)


def _decimal(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    name = value.meta.output_name()
    if not dtype.is_numeric():
        return _none(Kind.DECIMAL).alias(name)
    if dtype.is_float():
        value = pl.when(value.is_finite() & (value.abs() < _MOST)).then(value).round(4)
    return value.cast(Kind.DECIMAL.dtype, strict=False).alias(name)


def _flag(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    name = value.meta.output_name()
    if dtype == pl.Boolean:
        return value
    if not dtype.is_numeric():
        return _none(Kind.FLAG).alias(name)
    number = value.cast(pl.Float64)
    return pl.when(number.is_in([0.0, 1.0])).then(number == 1).alias(name)


def _moment(value: pl.Expr, dtype: pl.DataType, kind: Kind) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        utc = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else value
        return utc.cast(kind.dtype)
    if dtype == pl.Date:
        return value.cast(kind.dtype)
    return _none(kind).alias(value.meta.output_name())
