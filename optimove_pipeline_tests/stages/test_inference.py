"""The kinds of unknown columns, seen in the typed partition."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.inference import infer
from optimove_pipeline.stages.validate import validate
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.stages.days import DAY, SENDS, UNIQUE_SENDS, extracted, held, row


def kind_of(*values: str | None, name: str = "unknown", values_per_frame: int = 2) -> Kind | None:
    frames = [
        pl.DataFrame({name: values[start : start + values_per_frame]}, {name: pl.String})
        for start in range(0, len(values), values_per_frame)
    ]
    return infer(frames, [name])[name]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "0", None, "-12"), Kind.INTEGER),
        (("1", "0.5", "1e3"), Kind.NUMBER),
        (("true", "False", None), Kind.FLAG),
        (("2026-11-19", "2026-11-20"), Kind.DATE),
        (("2026-11-19 10:00:00", "2026-11-19T10:00:00.5"), Kind.TIME),
        (("2026-11-19", "2026-11-19 10:00:00"), Kind.TEXT),
        (("1", "2", "3", "x"), Kind.TEXT),
        (("1", ""), Kind.TEXT),
        (("007", "123"), Kind.TEXT),
        (("9223372036854775808", "1"), Kind.TEXT),
        (("1", "true"), Kind.TEXT),
        ((None, None), None),
        ((), None),
    ],
)
def test_a_kind_is_taken_only_if_every_value_fits(values: tuple[str | None, ...], kind: Kind | None) -> None:
    assert kind_of(*values) is kind


@pytest.mark.parametrize("name", ["id", "product_id", "product_ids"])
def test_ids_stay_text(name: str) -> None:
    assert kind_of("1", "2", name=name) is Kind.TEXT


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.integers(1, 5))
@settings(derandomize=True)
def test_integers_are_known_as_such_however_they_are_parted(values: list[int], values_per_frame: int) -> None:
    assert kind_of(*map(str, values), values_per_frame=values_per_frame) is Kind.INTEGER


def test_unknown_columns_are_typed_and_named(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    extracted(staging, [row("A", score="1.5", vip="true"), row("B", score="2", comment="x")], rows_per_part=1)
    found = validate(SENDS, DAY, staging, tolerated_share=0)
    assert held(staging, "validated").select("score", "vip", "comment").rows() == [
        (1.5, True, None),
        (2.0, None, "x"),
    ]
    assert found.unknown_columns == ["score", "vip", "comment"]
    assert {name: found.columns[name] for name in found.unknown_columns} == {
        "score": "Float64",
        "vip": "Boolean",
        "comment": "String",
    }


def test_a_column_without_a_value_is_kept_as_text_and_named_as_empty(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    extracted(staging, [row("A", score=None)], feed=UNIQUE_SENDS)
    found = validate(UNIQUE_SENDS, DAY, staging, tolerated_share=0)
    assert found.empty_columns == ["score"]
    assert found.columns["score"] == "String"
