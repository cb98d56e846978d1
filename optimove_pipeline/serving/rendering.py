"""Rows on their way into the store: each as a line of JSON, with its place and its key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, time

import polars as pl

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.partition_keys import partition_of
from optimove_pipeline.serving.store import APART, MOMENT, moment_text
from optimove_pipeline.settings.packages import CleanUp, NdJson, Packaging
from optimove_pipeline.stages.formats.fields import Field
from optimove_pipeline.stages.formats.ndjson_lines import ndjson_lines
from optimove_pipeline.targets.table import Replace, Rows, Table

StoreRow = tuple[str, str, str | None, bytes]
"""Place, key, the customer's id and the line."""

_PACKAGING = Packaging(
    # Rows are cleaned up when they come here.
    text=CleanUp(trim=False, line_breaks="keep", control_characters="keep", normalize="none", empty="keep"),
    ndjson=NdJson(nulls="written"),
)
_DATE, _TIME = "%Y-%m-%d", MOMENT
_ESCAPE = "\x1e"


def is_in_utc(table: Table) -> bool:
    """Return whether a table's times are in UTC: those of reports, which come by partition, are the tenant's."""
    return table.replace is not Replace.PARTITION


def partition_moment(partition: str) -> str:
    """Return the moment of change of rows that tell none: the start of their partition, by its key."""
    start = partition_of(partition)
    at = start if isinstance(start, datetime) else datetime.combine(start, time())
    return moment_text(at.replace(tzinfo=UTC))


def store_rows(rows: Rows, held: Mapping[str, str], decimals: str) -> Iterator[list[StoreRow]]:
    """Yield the rows of a partition in blocks, each sorted by place and with no key twice.

    ``held`` are columns that the table has besides: they are null. ``decimals`` is ``text`` or ``number``. Where
    several rows may have one key, their number stands in it too.

    Raises:
        SettingsError: the settings make the change column text.
    """
    fields, number = _fields(rows.table, decimals), 0
    missing = [name for name in held if name not in {column.name for column in rows.table.columns}]
    for frame in rows.frames():
        whole = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
        more = [Field(name, pl.String(), Kind.TEXT, "text") for name in missing]
        yield _block(rows, whole, (*fields, *more), number)
        number += frame.height


def _block(rows: Rows, frame: pl.DataFrame, fields: Collection[Field], number: int) -> list[StoreRow]:
    table = rows.table
    key = _key(frame, table, number)
    lines = ndjson_lines(frame, [*fields], _PACKAGING).split(b"\n")[:-1]
    customer = frame[table.customer].cast(pl.String) if table.customer else pl.repeat(None, frame.height, eager=True)
    block = pl.DataFrame(
        {
            "place": _moments(frame, rows) + APART + key,
            "key": key,
            "customer": customer.cast(pl.String),
            "line": pl.Series(lines, dtype=pl.Binary),
        }
    )
    kept = block.filter(~pl.col("customer").is_in([*rows.forgotten]).fill_null(value=False))
    return kept.sort("place").unique("key", keep="last", maintain_order=True).rows()


def _moments(frame: pl.DataFrame, rows: Rows) -> pl.Series:
    usual, changed = partition_moment(rows.partition), rows.table.changed
    if changed is None or not is_in_utc(rows.table):
        return pl.repeat(usual, frame.height, eager=True)
    if not frame[changed].dtype.is_temporal():
        raise SettingsError(
            f"packages.each.{rows.table.feed}.fields.{changed}: it makes the moment of change text, which the "
            "API can't order rows by; remove it"
        )
    return frame[changed].cast(pl.Datetime("us")).dt.to_string(MOMENT).fill_null(usual)


def _key(frame: pl.DataFrame, table: Table, number: int) -> pl.Series:
    texts = [_escaped(frame[name].cast(pl.String)) for name in table.key]
    if not table.unique:
        texts.append(pl.int_range(number, number + frame.height, eager=True).cast(pl.String).str.zfill(12))
    return pl.select(
        pl.concat_str([text.alias(str(at)) for at, text in enumerate(texts)], separator=APART)
    ).to_series()


def _escaped(text: pl.Series) -> pl.Series:
    """Return text without what stands between columns, so that no two keys are the same text."""
    escaped = text.str.replace_all(_ESCAPE, f"{_ESCAPE}0", literal=True)
    return escaped.str.replace_all(APART, f"{_ESCAPE}1", literal=True)


def _fields(table: Table, decimals: str) -> tuple[Field, ...]:
    return tuple(_field(column.name, column.dtype, decimals, utc=is_in_utc(table)) for column in table.columns)


def _field(name: str, dtype: pl.DataType, decimals: str, *, utc: bool) -> Field:
    kind = kind_of(dtype)
    forms = {
        Kind.TEXT: "text",
        Kind.INTEGER: "number",
        Kind.NUMBER: decimals,
        Kind.FLAG: "true/false",
        Kind.DATE: _DATE,
        Kind.TIME: f"{_TIME}Z" if utc else _TIME,
    }
    return Field(name, dtype, kind, forms[kind])


def kind_of(dtype: pl.DataType) -> Kind:
    """Return the kind of a table's column by its dtype."""
    if isinstance(dtype, pl.Decimal):
        return Kind.NUMBER
    if isinstance(dtype, pl.Datetime):
        return Kind.TIME
    kinds = {pl.Int64(): Kind.INTEGER, pl.Boolean(): Kind.FLAG, pl.Date(): Kind.DATE}
    return kinds.get(dtype, Kind.TEXT)
