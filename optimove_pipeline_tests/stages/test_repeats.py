"""Rows that came twice, against a naive answer to the same question."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.stages import duplicates, repeats
from optimove_pipeline.stages.frames import Bounds
from optimove_pipeline.stages.validate import Validation, validate
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.stages.days import DAY, SENDS, UNIQUE_SENDS, Row, extracted, held, row

SMALL = Bounds(rows=3, hashes=4, compared=2)

some_rows = st.lists(
    st.builds(
        lambda customer, campaign, value, call, page: row(
            customer, campaign_id=campaign, future_value=value, _call=call, _page=page
        ),
        st.sampled_from(["A", "B", None]),
        st.sampled_from(["1", "1.0", "2", "x"]),
        st.sampled_from(["1", "2", None, "x"]),
        st.integers(0, 1),
        st.integers(0, 2),
    ),
    max_size=20,
)


def validated(rows: Sequence[Row], *, unique: bool, folder: Path) -> tuple[Validation, list[dict[str, object]]]:
    staging = Staging(folder)
    feed = UNIQUE_SENDS if unique else SENDS
    extracted(staging, rows, feed=feed, rows_per_part=4)
    found = validate(feed, DAY, staging, tolerated_share=1, bounds=SMALL)
    return found, held(staging, "validated").to_dicts()


def moved_between_pages(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without those that equal an earlier one of their call on another page."""
    pages: dict[tuple[object, ...], object] = {}
    kept = []
    for each in rows:
        identity = tuple(value for name, value in each.items() if name != "_page")
        if pages.setdefault(identity, each["_page"]) == each["_page"]:
            kept.append(each)
    return kept


def is_sound(each: Row) -> bool:
    return each["customer_id"] is not None and "x" not in {each["campaign_id"], each["future_value"]}


def key_of(each: Row) -> tuple[float, object]:
    return float(str(each["campaign_id"])), each["customer_id"]


def typed(each: Row) -> tuple[float, object, float | None]:
    value = each["future_value"]
    return *key_of(each), None if value is None else float(str(value))


@given(some_rows)
@settings(max_examples=15, derandomize=True)
def test_rows_that_moved_between_pages_are_dropped_and_no_others(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, kept = validated(rows, unique=False, folder=Path(folder))
    expected = moved_between_pages(rows)
    assert found.repeated_rows == len(rows) - len(expected)
    assert [(each["campaign_id"], each["customer_id"], each["future_value"]) for each in kept] == [
        typed(each) for each in expected if is_sound(each)
    ]
    keys = [key_of(each) for each in rows if each["campaign_id"] != "x" and each["customer_id"] is not None]
    assert found.duplicate_keys == len(keys) - len(set(keys))


@given(some_rows)
@settings(max_examples=15, derandomize=True)
def test_of_rows_with_a_unique_key_the_first_sound_one_stays(
    rows: list[Row],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, kept = validated(rows, unique=True, folder=Path(folder))
    firsts: dict[tuple[object, ...], tuple[object, ...]] = {}
    copies = clashes = 0
    for each in filter(is_sound, rows):
        own = typed(each)
        if own[:2] not in firsts:
            firsts[own[:2]] = own
        elif firsts[own[:2]] == own:
            copies += 1
        else:
            clashes += 1
    assert [(each["campaign_id"], each["customer_id"], each["future_value"]) for each in kept] == [*firsts.values()]
    assert (found.repeated_rows, found.by_rule.get("unique", 0)) == (copies, clashes)
    assert found.rows_in == found.rows + found.quarantined + found.repeated_rows


@pytest.mark.parametrize("unique", [False, True])
def test_rows_whose_hashes_collide_are_told_apart(
    *, unique: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "hash_of", lambda frame: duplicates.hash_of(frame) % 2)
    rows = [row(str(number), _page=number % 3) for number in range(12)]
    found, kept = validated([*rows, rows[0] | {"_page": 9}], unique=unique, folder=tmp_path)
    assert [each["customer_id"] for each in kept] == [each["customer_id"] for each in rows]
    assert found.repeated_rows == 1


def test_copies_within_one_page_are_the_servers_own_rows(tmp_path: Path) -> None:
    found, kept = validated([row("A"), row("A"), row("A", _call=1, _page=1)], unique=False, folder=tmp_path)
    assert len(kept) == 3
    assert (found.repeated_rows, found.duplicate_keys) == (0, 2)


def test_the_pages_of_one_call_say_nothing_about_another_call(tmp_path: Path) -> None:
    moved = [row("A", _call=0, _page=0), row("A", _call=0, _page=1)]
    own = [row("A", _call=1, _page=2), row("A", _call=1, _page=2)]
    found, kept = validated([*moved, *own], unique=False, folder=tmp_path)
    assert len(kept) == 3
    assert found.repeated_rows == 1


def test_a_row_that_moved_is_dropped_though_it_has_no_whole_key_and_no_other_came_twice(tmp_path: Path) -> None:
    without_key = [row(None, _call=0, _page=page) for page in (0, 1)]
    found, _ = validated([*without_key, row("A", _call=0, _page=1)], unique=False, folder=tmp_path)
    assert (found.repeated_rows, found.rows, found.duplicate_keys) == (1, 1, 0)


def test_hashes_that_occur_twice_are_found_range_by_range(tmp_path: Path) -> None:
    hashes = duplicates.HashFile(tmp_path)
    edge = 2**63
    for part in ([0, edge, None, 2**64 - 1], [edge, 5, 0, None], [2**64 - 1, 0, edge - 1]):
        hashes.write(pl.DataFrame({"key": part}, {"key": pl.UInt64}))
    again, beyond = duplicates.repeated(hashes, "key", SMALL)
    assert again.to_list() == [0, edge, 2**64 - 1]
    assert beyond == 4
