"""Two reports that must tell of the same things."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.stages.reconcile import EXAMPLES, Mismatch, compare, split_codes

COLUMNS = ("campaign_id", "customer_id")
SCHEMA = {"campaign_id": pl.Int64, "customer_id": pl.String}
some_pairs = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["A", "B", "C"])))


def mismatch(left: list[tuple[int, str]], right: list[tuple[int, str]]) -> Mismatch:
    frames = [pl.LazyFrame(rows, SCHEMA, orient="row") for rows in (left, right)]
    return compare(frames[0], frames[1], COLUMNS, ["campaign_id"])


def test_reports_with_the_same_values_agree_in_any_order_and_number() -> None:
    assert mismatch([(1, "A"), (2, "B"), (1, "A")], [(2, "B"), (1, "A")]).agrees


def test_what_only_one_report_has_is_counted_by_columns_that_name_no_customer() -> None:
    found = mismatch([(1, "A"), (1, "B"), (2, "A"), (3, "A")], [(3, "A"), (4, "A")])
    assert (found.only_left, found.only_right) == (3, 1)
    assert found.examples == (
        "campaign_id 1: 2 only left",
        "campaign_id 2: 1 only left",
        "campaign_id 4: 1 only right",
    )
    assert not found.agrees


def test_no_more_than_ten_groups_of_a_side_are_shown() -> None:
    found = mismatch([(number, "A") for number in range(50)], [])
    assert found.only_left == 50
    assert len(found.examples) == EXAMPLES


@given(some_pairs, some_pairs)
@settings(max_examples=50, derandomize=True)
def test_the_counts_are_those_of_the_sets(left: list[tuple[int, str]], right: list[tuple[int, str]]) -> None:
    found = mismatch(left, right)
    assert (found.only_left, found.only_right) == (len(set(left) - set(right)), len(set(right) - set(left)))


def test_several_codes_in_one_value_are_several_codes() -> None:
    rows = pl.LazyFrame({"action_id": [1, 2, 3], "promo_code": ["HEP-FEB, GDG-FAL", "", None]})
    assert split_codes(rows).collect().rows() == [(1, "HEP-FEB"), (1, "GDG-FAL"), (2, ""), (3, "")]
