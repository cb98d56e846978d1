"""Values in CSV, to the byte."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import ContractError
from optimove_pipeline_tests.stages.packing import packaged, text


def line(folder: Path, value: Any, dtype: Any = None, **settings: Any) -> str:
    """Return how a value is written beside an id."""
    frame = pl.DataFrame({"id": ["1"], "value": pl.Series([value], dtype=dtype)})
    _, written = text(packaged(folder, frame, **settings)).split("id,value\n")
    return written.removeprefix("1,").removesuffix("\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain text", "plain text"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("back\\slash", '"back\\slash"'),
        ("it's; a|b", "it's; a|b"),
        ("two\r\nlines\rand\nmore", "two lines and more"),
        ("a\tb", "a b"),
        ("a\x00b\x07c\x7fd\x9be", "abcde"),
        ("a\u2028b\x85c", "a b c"),
        ("  both ends\u00a0 ", "both ends"),
        ("e\u0301", "é"),
        ("\u212b", "Å"),
        ("Ελλάδα, Киев", '"Ελλάδα, Киев"'),
        ("👍🏽", "👍🏽"),
        ("", ""),
        (" \t\n ", ""),
        (None, ""),
    ],
)
def test_text_is_cleaned_up_and_quoted_only_where_it_must_be(
    tmp_path: Path, value: str | None, expected: str
) -> None:
    assert line(tmp_path, value, pl.String) == expected


@pytest.mark.parametrize(
    ("value", "rules", "expected"),
    [
        (" a ", {"trim": False}, " a "),
        ("a\r\nb\tc", {"line_breaks": "keep"}, '"a\r\nb\tc"'),
        ("a\rb", {"line_breaks": "keep"}, '"a\rb"'),
        ("a\x07b", {"control_characters": "keep"}, "a\x07b"),
        ("e\u0301", {"normalize": "none"}, "e\u0301"),
        ("", {"empty": "keep"}, '""'),
        (None, {"empty": "keep"}, ""),
    ],
)
def test_each_rule_of_clean_up_can_be_switched_off(
    tmp_path: Path, value: str | None, rules: dict[str, Any], expected: str
) -> None:
    assert line(tmp_path, value, pl.String, text=rules) == expected


def test_text_is_treated_alike_whether_its_values_repeat_or_not(tmp_path: Path) -> None:
    expected = {
        "a,b": '"a,b"',
        " c ": "c",
        "e\u0301": "é",
        "": "",
        "\t": "",
        'say "hi"': '"say ""hi"""',
        "plain": "plain",
    }
    unlike = [f"value {number}" for number in range(600)]
    for number, others in enumerate((["plain"] * 600, unlike, [*["plain"] * 600, *unlike])):
        values = [None, *others, *expected, None]
        frame = pl.DataFrame({"id": [str(row) for row in range(len(values))], "value": values})
        written = [each.partition(",")[2] for each in text(packaged(tmp_path / str(number), frame)).splitlines()]
        assert written == ["value", "", *others, *expected.values(), ""]


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (2**63 - 1, pl.Int64, "9223372036854775807"),
        (2**64 - 1, pl.UInt64, "18446744073709551615"),
        (-(10**37), pl.Int128, "-" + "1" + "0" * 37),
        (4.56789, pl.Float64, "4.5679"),
        (99.0, pl.Float64, "99.0000"),
        (-0.00001, pl.Float64, "0.0000"),
        (1e21, pl.Float64, "1000000000000000000000.0000"),
        (Decimal("-1234.56785"), pl.Decimal(18, 5), "-1234.5678"),
        (Decimal("-12.50"), pl.Decimal(18, 2), "-12.50"),
        (True, pl.Boolean, "Yes"),
        (False, pl.Boolean, "No"),
        (date(2026, 11, 19), pl.Date, "2026-11-19"),
        (date(1850, 1, 31), pl.Date, "1850-01-31"),
        (datetime.fromisoformat("2026-11-19 23:59:59.999999"), pl.Datetime("us"), "2026-11-19 23:59:59"),
        (datetime.fromisoformat("1969-12-31 23:59:59"), pl.Datetime("us"), "1969-12-31 23:59:59"),
        (datetime.fromisoformat("2300-01-01 00:00:00"), pl.Datetime("us"), "2300-01-01 00:00:00"),
        *((None, dtype, "") for dtype in (pl.Int64, pl.Float64, pl.Boolean, pl.Date, pl.Datetime("us"))),
    ],
)
def test_values_are_written_in_the_batch_format(tmp_path: Path, value: Any, dtype: Any, expected: str) -> None:
    assert line(tmp_path, value, dtype) == expected


def test_a_time_with_a_zone_is_turned_to_utc(tmp_path: Path) -> None:
    local = pl.Series([datetime.fromisoformat("2026-07-01 12:00:00")]).dt.replace_time_zone("Europe/London")
    frame = pl.DataFrame({"id": ["1"], "value": local})
    assert text(packaged(tmp_path, frame)) == "id,value\n1,2026-07-01 11:00:00\n"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%Y-%m-%d %H:%M:%S%.6f UTC", "2026-11-19 10:30:05.000120 UTC"),
        ("%Y-%m-%dT%H:%M:%S%.3fZ", "2026-11-19T10:30:05.000Z"),
        ("%d/%m/%Y", "19/11/2026"),
        ("%H:%M %d %b %y", "10:30 19 Nov 26"),
        ("%I:%M %p", "10:30 AM"),
    ],
)
def test_a_field_has_a_pattern_of_its_own(tmp_path: Path, form: str, expected: str) -> None:
    moment = datetime.fromisoformat("2026-11-19 10:30:05.000120")
    assert line(tmp_path, moment, pl.Datetime("us"), each={"sends": {"fields": {"value": form}}}) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"flags": "true/false"}, "true"),
        ({"flags": "1/0"}, "1"),
        ({"each": {"sends": {"fields": {"value": "1/0"}}}}, "1"),
    ],
)
def test_flags_have_the_words_that_are_set(tmp_path: Path, settings: dict[str, Any], expected: str) -> None:
    assert line(tmp_path, True, pl.Boolean, **settings) == expected


def test_decimals_are_rounded_to_the_places_that_are_set(tmp_path: Path) -> None:
    assert line(tmp_path, 4.56789, pl.Float64, decimal_places=2) == "4.57"
    assert line(tmp_path, 4.5, pl.Float64, decimal_places=0) == "4"


@pytest.mark.parametrize("value", [1e34, -1e35, float("nan"), float("inf")])
def test_a_number_that_can_not_be_written_is_an_error_that_names_the_column(tmp_path: Path, value: float) -> None:
    with pytest.raises(ContractError, match=r"^column value holds a number that is not finite, or has more than 38"):
        line(tmp_path, value, pl.Float64)


def test_the_dialect_is_that_of_the_settings(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["it's", "a;b", "x,y", "\\N", None], "n;": [1, 2, 3, 4, None]})
    dialect = {"delimiter": "semicolon", "quote": "single", "line_end": "crlf", "null_text": "\\N"}
    assert text(packaged(tmp_path, frame, csv=dialect)) == (
        "id;'n;'\r\n'it''s';1\r\n'a;b';2\r\nx,y;3\r\n'\\N';4\r\n\\N;\\N\r\n"
    )


def test_text_that_reads_like_null_is_quoted(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["NULL", "NULLs", None]})
    assert text(packaged(tmp_path, frame, csv={"null_text": "NULL"})) == 'id\n"NULL"\nNULLs\nNULL\n'


def test_a_single_column_has_no_empty_lines(tmp_path: Path) -> None:
    for series in (pl.Series(["a", None]), pl.Series([1, None])):
        folder = tmp_path / str(series.dtype)
        assert text(packaged(folder, series.alias("id").to_frame())) == f'id\n{series[0]}\n""\n'


def test_columns_that_no_row_has_a_value_in_are_there(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["1"], "text": pl.Series([None], dtype=pl.String), "flag": [None]}).cast(
        {"flag": pl.Boolean}
    )
    assert text(packaged(tmp_path, frame)) == "id,text,flag\n1,,\n"
