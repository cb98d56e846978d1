"""Any rows, cut into parts and read back by Python's csv, by DuckDB and by Python's json, are the same rows."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.packages import Package
from optimove_pipeline_tests.stages.packing import by_duckdb, by_python, contents, packaged

SCHEMA = {
    "customer_id": pl.String(),
    "note": pl.String(),
    "points": pl.Int64(),
    "total": pl.UInt64(),
    "fee": pl.Decimal(38, 4),
    "amount": pl.Float64(),
    "is_open": pl.Boolean(),
    "day": pl.Date(),
    "at": pl.Datetime("us"),
}
KEEP = {"trim": False, "line_breaks": "keep", "control_characters": "keep", "normalize": "none", "empty": "keep"}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
QUOTES = {"double": '"', "single": "'"}

# DuckDB can't read NUL in CSV; that it is stripped by default is tested to the byte elsewhere.
TEXT = st.text(
    st.one_of(
        st.sampled_from(list(",;|\t\"'\\\r\n \u00a0\u2028é\u0301")),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=12,
)
ROWS = st.lists(
    st.tuples(
        TEXT.map(lambda text: f"C{text}"),
        st.none() | TEXT,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.integers(0, 2**64 - 1),
        st.none() | st.decimals(-(10**30), 10**30, places=4),
        st.none() | st.floats(-1e12, 1e12, allow_nan=False),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none()
        | st.datetimes(datetime.fromisoformat("1000-01-01 00:00:00"), datetime.fromisoformat("9999-12-31 00:00:00")),
    ),
    max_size=40,
)
LIMITS = st.sampled_from([1_500, 4_000, 50_000])

Shown = tuple[str | None, ...]
"""A row's values as text."""

any_rows = settings(max_examples=12)


@contextmanager
def parts_of(rows: list[tuple[Any, ...]], limit: int, **how: Any) -> Iterator[Package]:
    """Package rows in a folder of their own; no part may be over the limit."""
    with TemporaryDirectory() as folder:
        frame = pl.DataFrame(rows, SCHEMA, orient="row")
        made = packaged(Path(folder), frame, part_bytes=limit, **how)
        assert all(made.file(part).stat().st_size == part.bytes <= limit for part in made.parts)
        assert sum(part.rows for part in made.parts) == len(rows)
        yield made


def cleaned(text: str | None) -> str | None:
    """Return text as the usual clean-up leaves it, told a second time."""
    text = re.sub("\r\n|[\t\n\x0b\x0c\r\x85\u2028\u2029]", " ", text or "")
    text = "".join(character for character in text if unicodedata.category(character) != "Cc")
    return stripped(unicodedata.normalize("NFC", text)) or None


def stripped(text: str) -> str:
    """Return text without blanks at its ends; to Python the separators of ASCII were blanks too."""
    return text.strip("".join(chr(code) for code in range(0x3001) if unicodedata.category(chr(code)) == "Zs"))


def shown(row: tuple[Any, ...], *, clean: bool) -> Shown:
    """Return a row's values as CSV has them."""
    customer, note, points, total, fee, amount, is_open, day, at = row
    return (
        *((cleaned(text) if clean else text) for text in (customer, note)),
        *(None if number is None else str(number) for number in (points, total)),
        None if fee is None else plain(fee),
        None if amount is None else plain(Decimal(amount)),
        None if is_open is None else "Yes" if is_open else "No",
        None if day is None else day.isoformat(),
        None if at is None else at.replace(microsecond=0).isoformat(" "),
    )


def plain(number: Decimal) -> str:
    text = f"{number:.4f}"
    return "0.0000" if text == "-0.0000" else text


def all_alike(read: Sequence[Shown], expected: Sequence[Shown]) -> bool:
    return len(read) == len(expected) and all(map(alike, read, expected))


def alike(read: Shown, expected: Shown) -> bool:
    """Return whether a row was read as expected; the last digits of a float may differ by its own precision."""
    amounts = [row[5] for row in (read, expected)]
    if None in amounts:
        return read == expected
    near = abs(float(amounts[0] or 0) - float(amounts[1] or 0)) <= 0.0002
    return near and read[:5] + read[6:] == expected[:5] + expected[6:]


@any_rows
@given(ROWS, LIMITS)
def test_csv_is_read_back_as_it_was_cleaned_up(rows: list[tuple[Any, ...]], limit: int) -> None:
    with parts_of(rows, limit) as made:
        expected = [shown(row, clean=True) for row in rows]
        assert all_alike(by_duckdb(made), expected)
        assert all_alike([tuple(value or None for value in row) for row in by_python(made)], expected)


@any_rows
@given(ROWS, LIMITS, st.sampled_from([*DELIMITERS]), st.sampled_from([*QUOTES]))
def test_csv_is_read_back_to_the_character_where_nothing_is_cleaned_up(
    rows: list[tuple[Any, ...]], limit: int, delimiter: str, quote: str
) -> None:
    dialect = (DELIMITERS[delimiter], QUOTES[quote])
    with parts_of(rows, limit, text=KEEP, csv={"delimiter": delimiter, "quote": quote}) as made:
        expected = [shown(row, clean=False) for row in rows]
        assert all_alike(by_duckdb(made, *dialect), expected)
        empty = [tuple(value or "" for value in row) for row in expected]
        assert all_alike([tuple(row) for row in by_python(made, *dialect)], empty)


@any_rows
@given(ROWS, LIMITS)
def test_ndjson_is_read_back_to_the_character(rows: list[tuple[Any, ...]], limit: int) -> None:
    with parts_of(rows, limit, format="ndjson", text=KEEP, ndjson={"decimals": "text", "ids": "number"}) as made:
        lines = [line for content in contents(made) for line in content.split(b"\n")[:-1]]
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            read = json.loads(line)
            numbers = {name: None if read[name] is None else str(read[name]) for name in ("points", "total")}
            assert list(read) == list(SCHEMA)
            assert alike(tuple((read | numbers).values()), shown(row, clean=False))


@any_rows
@given(ROWS, st.sampled_from([9_000, 50_000]))
def test_parquet_is_read_back(rows: list[tuple[Any, ...]], limit: int) -> None:
    rules = {"times": "naive", "decimal_digits": 38}
    with parts_of(rows, limit, format="parquet", text=KEEP, parquet=rules, flags="true/false") as made:
        read = [row for part in made.parts for row in pl.read_parquet(made.file(part)).rows()]
        exact = [row[:5] + row[6:] for row in rows]
        assert [row[:5] + row[6:] for row in read] == exact


def test_dates_of_all_tables_and_beyond_are_right(tmp_path: Path) -> None:
    days = [date(1899, 12, 31), date(1900, 1, 1), date(1969, 12, 31), date(2100, 12, 31), date(2101, 1, 1)]
    for number, some in enumerate((days, days[1:4], days[:2], days[3:])):
        times = [datetime.fromisoformat(f"{day} 23:59:59.999999") for day in some]
        made = packaged(tmp_path / str(number), pl.DataFrame({"day": some, "at": times}))
        assert by_python(made) == [[f"{day}", f"{day} 23:59:59"] for day in some]


@pytest.mark.parametrize("days", [3, 4])
def test_many_times_of_few_days_are_right(tmp_path: Path, days: int) -> None:
    seconds = pl.int_range(-86_400, (days - 1) * 86_400, 15, eager=True).cast(pl.Int64)
    times = (seconds * 1_000_000 + 999_999).cast(pl.Datetime("us"))
    made = packaged(tmp_path, times.alias("at").extend(pl.Series([None], dtype=pl.Datetime("us"))).to_frame())
    assert [value for (value,) in by_python(made)] == [*times.dt.to_string("%Y-%m-%d %H:%M:%S"), ""]
