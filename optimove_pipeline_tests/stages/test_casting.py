"""Text to types: the spellings of reference, section 1.7, and no others."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.feeds import Kind
from optimove_pipeline.stages.casting import cast


def cast_values(values: list[str | None], kind: Kind) -> list[object]:
    frame = pl.DataFrame({"value": values}, {"value": pl.String})
    return cast(frame, {"value": kind})["value"].to_list()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "", ""),
        (Kind.TEXT, 'Ünïcode, "quoted"\nand two lines', 'Ünïcode, "quoted"\nand two lines'),
        (Kind.TEXT, "0012.0", "0012.0"),
        (Kind.INTEGER, "12", 12),
        (Kind.INTEGER, "-12", -12),
        (Kind.INTEGER, "12.0", 12),
        (Kind.INTEGER, "-12.000", -12),
        (Kind.INTEGER, "9223372036854775807", 2**63 - 1),
        (Kind.INTEGER, "9223372036854775807.0", 2**63 - 1),
        (Kind.NUMBER, "342.65", 342.65),
        (Kind.NUMBER, "-3", -3.0),
        (Kind.NUMBER, "1e-3", 0.001),
        (Kind.FLAG, "true", True),
        (Kind.FLAG, "True", True),
        (Kind.FLAG, "1", True),
        (Kind.FLAG, "false", False),
        (Kind.FLAG, "False", False),
        (Kind.FLAG, "0", False),
        (Kind.DATE, "2015-06-24", date(2015, 6, 24)),
        (Kind.DATE, "2015-06-24 00:00:00", date(2015, 6, 24)),
        (Kind.DATE, "2015-06-24T00:00:00.000", date(2015, 6, 24)),
        (Kind.TIME, "2015-12-30 10:30:00", datetime(2015, 12, 30, 10, 30)),  # noqa: DTZ001 - times are naive
        (Kind.TIME, "2015-12-30T10:30:00", datetime(2015, 12, 30, 10, 30)),  # noqa: DTZ001
        (Kind.TIME, "2015-12-30 10:30:00.25", datetime(2015, 12, 30, 10, 30, 0, 250_000)),  # noqa: DTZ001
        (Kind.TIME, "2015-12-30T10:30:00.123456789", datetime(2015, 12, 30, 10, 30, 0, 123_456)),  # noqa: DTZ001
    ],
)
def test_a_spelling_in_use_becomes_its_value(kind: Kind, text: str, value: object) -> None:
    assert cast_values([text], kind) == [value]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INTEGER, "12.5"),
        (Kind.INTEGER, "1e3"),
        (Kind.INTEGER, " 12"),
        (Kind.INTEGER, "1,200"),
        (Kind.INTEGER, "9223372036854775808"),
        (Kind.INTEGER, "12.0\n"),
        (Kind.NUMBER, "NaN"),
        (Kind.NUMBER, "Infinity"),
        (Kind.NUMBER, "1e999"),
        (Kind.NUMBER, "12,5"),
        (Kind.FLAG, "yes"),
        (Kind.FLAG, "2"),
        (Kind.FLAG, "1.0"),
        (Kind.DATE, "2015-6-24"),
        (Kind.DATE, "2015-02-30"),
        (Kind.DATE, "24.06.2015"),
        (Kind.DATE, " 2015-6-24"),
        (Kind.DATE, "2015-06-24 10:00:00"),
        (Kind.DATE, "2015-06-24T00:00:00Z"),
        (Kind.TIME, "2015-12-30"),
        (Kind.TIME, "2015-12-30 10:30"),
        (Kind.TIME, "2015-12-30 10:30:60"),
        (Kind.TIME, "2015-12-30 24:00:00"),
        (Kind.TIME, "2015-12-30 10:30:00Z"),
        (Kind.TIME, "2015-12-30T10:30:00+02:00"),
        (Kind.TIME, "2015-12- 3 10:30:00"),
    ],
)
def test_any_other_text_becomes_null(kind: Kind, text: str) -> None:
    assert cast_values([text], kind) == [None]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.TEXT])
def test_null_and_empty_text_are_null_in_every_other_kind(kind: Kind) -> None:
    assert cast_values([None, ""], kind) == [None, None]


def test_spellings_mix_within_a_column() -> None:
    assert cast_values(["1", "2.0", None, "x", ""], Kind.INTEGER) == [1, 2, None, None, None]
    assert cast_values(["2015-06-24", "2015-06-25T00:00:00"], Kind.DATE) == [date(2015, 6, 24), date(2015, 6, 25)]


SPELLED = {
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1).map(lambda n: (str(n), n)),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False).map(lambda x: (repr(x), x)),
    Kind.DECIMAL: st.decimals(min_value=-(10**13), max_value=10**13, places=4).map(lambda x: (f"{x:f}", x)),
    Kind.FLAG: st.booleans().map(lambda flag: (str(flag), flag)),
    Kind.DATE: st.dates().map(lambda day: (day.isoformat(), day)),
    Kind.TIME: st.datetimes().map(lambda time: (str(time), time)),
    Kind.TEXT: st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: (text, text)),
}


@given(st.sampled_from(list(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(SPELLED[kind]))))
@settings(derandomize=True)
def test_every_value_survives_its_own_spelling(drawn: tuple[Kind, list[tuple[str, object]]]) -> None:
    kind, spelled = drawn
    assert cast_values([text for text, _ in spelled], kind) == [value for _, value in spelled]


@given(st.text(), st.sampled_from([kind for kind in Kind if kind is not Kind.TEXT]))
@settings(derandomize=True)
def test_no_text_stops_the_cast(text: str, kind: Kind) -> None:
    assert len(cast_values([text], kind)) == 1
