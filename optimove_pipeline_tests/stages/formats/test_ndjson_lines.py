"""Values in NDJSON, to the byte."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import ContractError
from optimove_pipeline.stages.package import package
from optimove_pipeline_tests.stages.packing import READY, SENDS, options, packaged, text, validated

ROW = pl.DataFrame(
    {
        "customer_id": ["8D871"],
        "campaign_id": [7],
        "amount": [99.0],
        "fee": pl.Series([Decimal("1.50")], dtype=pl.Decimal(10, 2)),
        "is_open": [True],
        "day": [date(2026, 11, 19)],
        "at": [datetime.fromisoformat("2026-11-19 10:30:00")],
        "rank": [3],
        "note": pl.Series([None], dtype=pl.String),
    }
)


def written(folder: Path, frame: pl.DataFrame = ROW, **settings: Any) -> str:
    return text(packaged(folder, frame, format="ndjson", **settings))


def test_a_row_is_an_object_on_a_line_of_its_own(tmp_path: Path) -> None:
    assert written(tmp_path) == (
        '{"customer_id":"8D871","campaign_id":"7","amount":"99.0000","fee":"1.50","is_open":"Yes","day":"2026-11-19",'
        '"at":"2026-11-19 10:30:00","rank":3,"note":null}\n'
    )


def test_numbers_ids_flags_and_nulls_can_be_written_as_json_has_them(tmp_path: Path) -> None:
    rules = {"decimals": "number", "ids": "number", "nulls": "left_out"}
    assert written(tmp_path, ndjson=rules, flags="true/false") == (
        '{"customer_id":"8D871","campaign_id":7,"amount":99.0000,"fee":1.50,"is_open":true,"day":"2026-11-19",'
        '"at":"2026-11-19 10:30:00","rank":3}\n'
    )


def test_a_row_of_nulls_is_an_object_too(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": pl.Series([None], dtype=pl.String), "b": pl.Series([None], dtype=pl.Float64)})
    assert written(tmp_path, frame) == '{"a":null,"b":null}\n'
    assert written(tmp_path, frame, ndjson={"nulls": "left_out"}) == "{}\n"


@pytest.mark.parametrize(
    "value",
    ['say "hi"', "back\\slash", "a/b", "line\nbreak\r\n", "\x00\x01\x1f\x7f", "\u2028é👍", '"', "{}", '","x":null'],
)
def test_any_text_is_read_back(tmp_path: Path, value: str) -> None:
    keep = {"trim": False, "line_breaks": "keep", "control_characters": "keep", "normalize": "none", "empty": "keep"}
    line = written(tmp_path, pl.DataFrame({"a": [value], "b": ["x"]}), text=keep)
    assert line.count("\n") == 1
    assert json.loads(line) == {"a": value, "b": "x"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("two\nlines", "two lines"), ("  trimmed ", "trimmed"), ("", None), ('a "b"\t', 'a "b"')],
)
def test_text_is_cleaned_up(tmp_path: Path, value: str, expected: str | None) -> None:
    assert json.loads(written(tmp_path, pl.DataFrame({"a": [value]}))) == {"a": expected}


@pytest.mark.parametrize(
    ("name", "is_text"),
    [
        ("action_id", True),
        ("PlayerID", True),
        ("gameId", True),
        ("send_ids", True),
        ("ID", True),
        ("paid", False),
        ("rank", False),
    ],
)
def test_an_id_is_told_by_its_name(tmp_path: Path, name: str, is_text: bool) -> None:
    assert json.loads(written(tmp_path, pl.DataFrame({name: [7]}))) == {name: "7" if is_text else 7}


def test_a_whole_number_of_the_key_is_an_id(tmp_path: Path) -> None:
    partition = validated(tmp_path, pl.DataFrame({"number": [12], "rank": [3]}))
    made = package(replace(SENDS, key=("number",)), partition, options(format="ndjson"), tmp_path, ready=READY)
    assert json.loads(text(made)) == {"number": "12", "rank": 3}


def test_a_single_field_can_be_a_number_or_text(tmp_path: Path) -> None:
    fields = {"rank": "text", "campaign_id": "number", "amount": "number"}
    row = json.loads(written(tmp_path, each={"sends": {"fields": fields}}))
    assert (row["rank"], row["campaign_id"], row["amount"]) == ("3", 7, 99)


def test_a_field_of_json_is_an_object_on_the_same_line(tmp_path: Path) -> None:
    frame = pl.DataFrame({"context": ['{"amount": 1.50,\n "key": "a\\nb"}', "null", None]})
    fields = {"sends": {"fields": {"context": "json"}}}
    assert written(tmp_path, frame, each=fields) == (
        '{"context":{"amount": 1.50,  "key": "a\\nb"}}\n{"context":null}\n{"context":null}\n'
    ).replace(",  ", ",  ")


@pytest.mark.parametrize("value", ['{"a":', "hello", "{'a': 1}", "{} {}"])
def test_a_field_of_json_that_is_none_is_an_error_without_the_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(ContractError) as caught:
        written(tmp_path, pl.DataFrame({"context": [value]}), each={"sends": {"fields": {"context": "json"}}})
    assert str(caught.value) == (
        "column context holds text that is not JSON, though its field is set to be written as JSON: correct it at "
        "the source, then validate the day again"
    )


def test_a_name_is_written_as_json_has_it(tmp_path: Path) -> None:
    assert json.loads(written(tmp_path, pl.DataFrame({'a"b\\': ["x"], "ö": ["y"]}))) == {'a"b\\': "x", "ö": "y"}
