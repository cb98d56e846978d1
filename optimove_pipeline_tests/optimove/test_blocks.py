"""Answers of any shape and size are read back as what their JSON says."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.errors import AnswerError, TransientError
from optimove_pipeline.feeds import Column, Kind, snake_case
from optimove_pipeline.optimove.answers import read_frames

COLUMNS = (
    Column("customer_id", Kind.TEXT, "CustomerID"),
    Column("scheduled_time", Kind.TIME, "ScheduledTime", aliases=("ScheduleTime",)),
    Column("campaign_id", Kind.INTEGER),
)
UNKNOWN = {key: snake_case(key) or "_field" for key in ("Foo", 'is,"Odd"', "a\\b", "},{", "Ünder", ":x", "^y$")}

nasty = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["},{", '"},{"', '\\"', '","', '":', ',"x":1', "x,", ":y", "[{", "}]", "\\", "\u2028", "😀", '":null']
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**60), max_value=10**60),
    st.floats(allow_nan=False, allow_infinity=False),
    nasty,
)
values = st.one_of(
    scalars,
    scalars,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(nasty, inner, max_size=2)),
)
keys = st.sampled_from(["CustomerID", "ScheduleTime", *UNKNOWN])
documents = st.lists(st.dictionaries(keys, values, max_size=5), min_size=1, max_size=12)


def spaced(value: Any, rng: random.Random, *, ascii_only: bool) -> str:
    """JSON with spaces anywhere they are allowed."""

    def space() -> str:
        return rng.choice(("", "", "", " ", "\n", "\t\r "))

    def text(item: Any) -> str:
        if isinstance(item, dict):
            pairs = (f"{text(key)}{space()}:{space()}{text(held)}" for key, held in item.items())
            return "{" + space() + f"{space()},{space()}".join(pairs) + space() + "}"
        if isinstance(item, list):
            return "[" + space() + f"{space()},{space()}".join(map(text, item)) + space() + "]"
        return json.dumps(item, ensure_ascii=ascii_only)

    return space() + text(value) + space()


def read(content: bytes, block_bytes: int = 2**20, **options: Any) -> pl.DataFrame:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answer"
        path.write_bytes(content)
        return pl.concat(read_frames(path, COLUMNS, block_bytes=block_bytes, **options), how="diagonal")


def says(text: str | None, value: Any) -> bool:
    """Whether a cell says what a JSON value does."""
    if isinstance(value, float):
        return text is not None and "e" not in text.lower() and float(text) == value
    if value is None or isinstance(value, str):
        return text == value
    if isinstance(value, bool):
        return text == str(value).lower()
    return text is not None and bool(Decimal(text) == value if isinstance(value, int) else json.loads(text) == value)


@settings(max_examples=80)
@given(documents, st.integers(1, 400), st.integers(0, 2**32), st.booleans(), st.booleans())
def test_any_rows_in_any_spacing_are_read_back_whatever_the_block_size(
    rows: list[dict[str, Any]], block_bytes: int, seed: int, ascii_only: bool, spaces: bool
) -> None:
    text = (
        spaced(rows, random.Random(seed), ascii_only=ascii_only)
        if spaces
        else json.dumps(rows, separators=(",", ":"))
    )
    frame = read(text.encode(), block_bytes)

    assert frame.height == len(rows)
    assert set(frame.columns[:2]) == {"customer_id", "scheduled_time"}
    columns = {"CustomerID": "customer_id", "ScheduleTime": "scheduled_time"} | UNKNOWN
    for at, row in enumerate(rows):
        for key, column in columns.items():
            cell = frame[column][at] if column in frame.columns else None
            assert says(cell, row.get(key)), (key, cell, row.get(key))
    assert set(frame.columns) <= set(columns.values())


@settings(max_examples=60)
@given(documents, st.integers(1, 200), st.data())
def test_an_answer_cut_anywhere_is_truncated_and_never_fewer_rows(
    rows: list[dict[str, Any]], block_bytes: int, data: st.DataObject
) -> None:
    text = json.dumps(rows, ensure_ascii=False).encode()
    cut = data.draw(st.integers(1, len(text) - 1))

    with pytest.raises(TransientError, match="truncated"):
        read(text[:cut], block_bytes)


@settings(max_examples=40)
@given(documents, st.integers(1, 200), st.sampled_from([b"x", b"]", b",{}]", b"[{}]", b"{", b",", b"\0"]))
def test_anything_after_the_end_is_refused(rows: list[dict[str, Any]], block_bytes: int, garbage: bytes) -> None:
    with pytest.raises(AnswerError, match="goes on after"):
        read(json.dumps(rows).encode() + b" " + garbage, block_bytes)


@pytest.mark.parametrize(
    "content",
    [
        b"[1,2]",
        b'["CustomerID"]',
        b'[{"CustomerID":"1"},null]',
        b'[{"CustomerID":"1"},[]]',
        b'"an error"',
        b"12",
        b"true",
        b"<html></html>",
        b'[{"CustomerID":"1",}]',
        b'[{"CustomerID":01}]',
        b'[{"CustomerID":NaN}]',
        b'[{"CustomerID":"\xff"}]',
        b'[{"CustomerID":"a\tb"}]',
        b'[{"CustomerID":"1"} {"CustomerID":"2"}]',
        b'[{"CustomerID":"1"},]',
        '[{"CustomerID":"1"}]'.encode("utf-16"),
    ],
)
@pytest.mark.parametrize("block_bytes", [4, 2**20])
def test_what_is_not_rows_is_refused(content: bytes, block_bytes: int) -> None:
    with pytest.raises(AnswerError):
        read(content, block_bytes)


@pytest.mark.parametrize(
    "write",
    [bytes, gzip.compress, lambda text: b"\xef\xbb\xbf" + text, lambda text: b" \n" + text + b"\r\n "],
    ids=["plain", "gzip", "byte order mark", "spaces around"],
)
def test_an_answer_is_read_however_it_is_wrapped(write: Callable[[bytes], bytes]) -> None:
    frame = read(write(b'[{"CustomerID":"1"},{"CustomerID":2}]'))

    assert frame["customer_id"].to_list() == ["1", "2"]


def test_a_cut_gzip_is_truncated() -> None:
    whole = gzip.compress(json.dumps([{"CustomerID": str(n)} for n in range(5000)]).encode())

    for cut in (10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(TransientError, match="truncated"):
            read(whole[:cut], 4096)


def test_a_damaged_gzip_is_worth_another_try() -> None:
    whole = bytearray(gzip.compress(json.dumps([{"CustomerID": str(n)} for n in range(5000)]).encode()))
    whole[-6] ^= 0xFF

    with pytest.raises(TransientError, match="damaged"):
        read(bytes(whole))


def test_one_object_is_one_row() -> None:
    assert read(b'{"CustomerID": 7, "ScheduledTime": null}').to_dicts() == [
        {"customer_id": "7", "scheduled_time": None}
    ]


@pytest.mark.parametrize("content", [b"", b"  ", b"null", b"[]", b" [ ] "])
def test_nothing_gives_no_frames(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_bytes(content)

    assert list(read_frames(path, COLUMNS)) == []


def test_a_row_that_never_ends_is_refused_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimove_pipeline.optimove.blocks.LONGEST_ROW_BYTES", 10_000)
    path = tmp_path / "answer"
    path.write_bytes(b'[{"CustomerID":"' + b"x" * 50_000 + b'"}]')

    with pytest.raises(AnswerError, match="longer than 10000 bytes"):
        list(read_frames(path, COLUMNS, block_bytes=1000))


@pytest.mark.parametrize("escape", [r"\ud83d", r"\ude00", r"\ud83d\ude00\ude00", r"\\ud83d\ude00", r"\ud83d\\ude00"])
def test_half_a_surrogate_pair_becomes_a_replacement_character(escape: str) -> None:
    text = f'[{{"CustomerID":"a{escape}b"}}]'
    expected = str(json.loads(text)[0]["CustomerID"]).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    cell = read(text.encode())["customer_id"][0]

    assert cell == expected
    assert "\ufffd" in cell
