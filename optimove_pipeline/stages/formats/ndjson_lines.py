"""Rows as lines of JSON, one object each, as Optimove reads them (reference, sections 1.1 and 1.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO

import polars as pl

from optimove_pipeline.errors import ContractError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.packages import CleanUp, Packaging
from optimove_pipeline.stages.formats.clean_up import UNCLEAN, cleaned, treated
from optimove_pipeline.stages.formats.fields import Field
from optimove_pipeline.stages.formats.values import as_text

_BARE = {"number", "true/false", "1/0"}
_ESCAPED = r'["\\\x00-\x1f]'
_BEFORE, _AFTER = '{"":"', '"}'


def ndjson_lines(frame: pl.DataFrame, fields: Sequence[Field], packaging: Packaging) -> bytes:
    """Return a line for each row.

    Raises:
        ContractError: a number is too large to be written, or a text that should be JSON is none.
    """
    left_out = packaging.ndjson.nulls == "left_out"
    members = [_member(frame[field.name], field, packaging, left_out=left_out) for field in fields]
    objects = pl.select(
        pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=",", ignore_nulls=True), pl.lit("}"))
    )
    lines = BytesIO()
    objects.write_csv(lines, include_header=False, quote_style="never", batch_size=max(frame.height, 1))
    return lines.getvalue()


def _member(values: pl.Series, field: Field, packaging: Packaging, *, left_out: bool) -> pl.Series:
    value = _value(values, field, packaging)
    return f"{json.dumps(field.name, ensure_ascii=False)}:" + (value if left_out else value.fill_null("null"))


def _value(values: pl.Series, field: Field, packaging: Packaging) -> pl.Series:
    """Return a column as JSON."""
    if field.form == "json":
        return _json(values, field)
    if field.kind is Kind.TEXT:
        return '"' + _text(values, packaging.text) + '"'
    text = as_text(values, field, packaging.decimal_places)
    return text if field.form in _BARE else '"' + text + '"'


def _text(text: pl.Series, rules: CleanUp) -> pl.Series:
    return treated(text, f"{UNCLEAN}|{_ESCAPED}", lambda few: treated(cleaned(few, rules), _ESCAPED, _escaped))


def _escaped(text: pl.Series) -> pl.Series:
    encoded = text.alias("").to_frame().to_struct().struct.json_encode()
    return encoded.str.strip_prefix(_BEFORE).str.strip_suffix(_AFTER)


def _json(text: pl.Series, field: Field) -> pl.Series:
    """Return text that is JSON, on one line."""
    read = text.str.json_path_match("$")
    if (read.is_null() & text.is_not_null() & (text.str.strip_chars() != "null")).any():
        raise ContractError(
            f"column {field.name} holds text that is not JSON, though its field is set to be written as JSON: "
            "correct it at the source, then validate the day again"
        )
    # A line break in JSON stands between its tokens, never within text.
    return text.str.replace_all(r"[\r\n]", " ")
