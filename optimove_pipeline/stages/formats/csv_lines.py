"""Rows as lines of CSV, in the dialect that the settings describe (reference, section 1.2).

Polars' own quoting leaves backslashes unquoted, which Snowflake would take for escapes, and quotes empty text. So
text is quoted here, and Polars writes it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO

import polars as pl

from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.packages import Csv, Packaging
from optimove_pipeline.stages.formats.clean_up import UNCLEAN, cleaned, treated
from optimove_pipeline.stages.formats.fields import Field
from optimove_pipeline.stages.formats.values import MOST_DIGITS, as_text, decimals

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_QUOTES = {"double": '"', "single": "'"}
_LINE_ENDS = {"lf": "\n", "crlf": "\r\n"}


def csv_header(fields: Sequence[Field], dialect: Csv) -> bytes:
    """Return the line of the columns' names."""
    names = _quoted(pl.Series([field.name for field in fields]), dialect)
    return f"{_DELIMITERS[dialect.delimiter].join(names)}{_LINE_ENDS[dialect.line_end]}".encode()


def csv_lines(frame: pl.DataFrame, fields: Sequence[Field], packaging: Packaging) -> bytes:
    """Return a line for each row, without a header.

    Raises:
        ContractError: a number is too large to be written.
    """
    dialect = packaging.csv
    columns = [_column(frame[field.name], field, packaging).alias(field.name) for field in fields]
    if len(columns) == 1 and not dialect.null_text:
        # A line with nothing on it would be no row to most readers.
        columns = [columns[0].cast(pl.String).fill_null(_QUOTES[dialect.quote] * 2)]
    lines = BytesIO()
    pl.DataFrame(columns).write_csv(
        lines,
        include_header=False,
        separator=_DELIMITERS[dialect.delimiter],
        line_terminator=_LINE_ENDS[dialect.line_end],
        null_value=dialect.null_text,
        quote_style="never",
        # One block is one thread's work; several blocks are in work at once.
        batch_size=max(frame.height, 1),
    )
    return lines.getvalue()


def _column(values: pl.Series, field: Field, packaging: Packaging) -> pl.Series:
    match field.kind:
        case Kind.TEXT:
            return treated(values, f"{UNCLEAN}|{_special(packaging.csv)}", _treatment(packaging))
        case Kind.INTEGER:
            return values
        case Kind.NUMBER:
            return decimals(values, field.name, packaging.decimal_places, MOST_DIGITS)
        case _:
            return as_text(values, field, packaging.decimal_places)


def _treatment(packaging: Packaging) -> Callable[[pl.Series], pl.Series]:
    def treat(text: pl.Series) -> pl.Series:
        return _quoted(cleaned(text, packaging.text), packaging.csv)

    return treat


def _quoted(text: pl.Series, dialect: Csv) -> pl.Series:
    return treated(text, _special(dialect), partial(_in_quotes, quote=_QUOTES[dialect.quote]))


def _in_quotes(text: pl.Series, quote: str) -> pl.Series:
    return quote + text.str.replace_all(quote, quote * 2, literal=True) + quote


def _special(dialect: Csv) -> str:
    """Return the pattern of text that must be quoted: to be read back whole, or not to be taken for NULL."""
    delimiter, null = re.escape(_DELIMITERS[dialect.delimiter]), re.escape(dialect.null_text)
    return rf"[{delimiter}{_QUOTES[dialect.quote]}\\\r\n]|^{null}$"
