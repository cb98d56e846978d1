"""The columns that an answer is read as."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimove_pipeline.errors import AnswerError, TransientError
from optimove_pipeline.feeds import snake_case
from optimove_pipeline.optimove.answers import read_frames, read_json
from optimove_pipeline.reports.catalogue import BY_NAME

BY_ACTION = BY_NAME["customers_by_action"]
DETAILS = BY_NAME["customer_send_details_by_campaign"]
ATTRIBUTES = ("Alias", "Country")
MOST_MEMORY = 192 * 2**20


def read(tmp_path: Path, rows: Any, report: Any = BY_ACTION, attributes: tuple[str, ...] = ()) -> pl.DataFrame:
    path = tmp_path / "answer"
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return pl.concat(read_frames(path, report.columns, attributes), how="diagonal")


def test_documented_columns_are_always_there_and_come_first_as_text(tmp_path: Path) -> None:
    frame = read(tmp_path, [{"New": 1, "CustomerID": 2}], DETAILS)

    assert frame.columns == ["customer_id", "channel_id", "scheduled_time", "send_id", "template_id", "new"]
    assert set(frame.dtypes) == {pl.String()}
    assert frame.row(0) == ("2", None, None, None, None, "1")


def test_keys_are_matched_whatever_their_case_and_spelling(tmp_path: Path) -> None:
    rows = [{"customerid": "1", "ScheduleTime": "a"}, {"CUSTOMERID": "2", "ScheduledTime": "b"}, {"CustomerID": "3"}]

    frame = read(tmp_path, rows, DETAILS)

    assert frame["customer_id"].to_list() == ["1", "2", "3"]
    assert frame["scheduled_time"].to_list() == ["a", "b", None]
    assert frame.width == 5


def test_a_field_with_the_name_of_another_column_gets_a_name_of_its_own(tmp_path: Path) -> None:
    rows = [{"CustomerID": "1", "CampaignID": 5, "Report Date": "x", "Attribute Alias": "y"}]

    frame = read(tmp_path, rows, DETAILS, ("Alias",))

    assert frame["campaign_id_field"].to_list() == ["5"]
    assert frame["report_date_field"].to_list() == ["x"]
    assert frame["attribute_alias"].to_list() == [None]
    assert frame["attribute_alias_field"].to_list() == ["y"]


def test_values_stay_what_they_were_as_text(tmp_path: Path) -> None:
    text = (
        '[{"CustomerID":"007","A":12345678901234567890,"B":true,"C":1.10,"D":{"x":[1,null]},"E":"","F":null,'
        '"G":false,"H":0.0000001,"I":340282366920938463463374607431768211457}]'
    )

    (row,) = read(tmp_path, text).to_dicts()

    assert row == {
        "customer_id": "007",
        "a": "12345678901234567890",
        "b": "true",
        "c": "1.1",
        "d": '{"x":[1,null]}',
        "e": "",
        "g": "false",
        "h": "0.0000001",
        "i": "340282366920938463463374607431768211457",
    }


def test_both_ways_of_reading_a_block_agree(tmp_path: Path) -> None:
    rows = [{"CustomerID": 1, "A": 1.5, "B": True, "C": 1e22, "E": -0.25, "F": 12.0}]
    nested = [{**rows[0], "Nested": {}}]

    assert read(tmp_path, rows).to_dicts() == read(tmp_path, nested).drop("nested").to_dicts()


@pytest.mark.parametrize("note", ["at 10:30", '{"x":null}', '":null', "\\u003a:", ""])
def test_a_late_field_is_found_whatever_the_rare_texts_look_like(tmp_path: Path, note: str) -> None:
    rows: list[dict[str, object]] = [{"CustomerID": str(number), "SendID": None} for number in range(200)]
    rows[100] |= {"TemplateID": note, "SendID": note}
    rows[150] |= {"Late": "found"}

    frame = read(tmp_path, rows, DETAILS)

    assert frame["late"].drop_nulls().to_list() == ["found"]
    assert frame["template_id"][100] == frame["send_id"][100] == note


@pytest.mark.parametrize("key", ["CustomerAttributes", "CustomerAttribute", "customerattributes"])
def test_attributes_are_zipped_with_the_request_and_never_split(tmp_path: Path, key: str) -> None:
    rows = [
        {"CustomerID": "1", key: ["Super Brand, Mega Brand", "UK"]},
        {"CustomerID": "2", key: ["Pax65"]},
        {"CustomerID": "3", key: [None, 7]},
        {"CustomerID": "4"},
        {"CustomerID": "5", key: None},
        {"CustomerID": "6", key: []},
    ]

    frame = read(tmp_path, rows, attributes=ATTRIBUTES)

    assert frame.columns == ["customer_id", "attribute_alias", "attribute_country"]
    assert frame["attribute_alias"].to_list() == ["Super Brand, Mega Brand", "Pax65", None, None, None, None]
    assert frame["attribute_country"].to_list() == ["UK", None, "7", None, None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("BuddyZZ,UK", ("BuddyZZ", "UK")), ("Super Brand, Mega Brand;UK", ("Super Brand, Mega Brand", "UK"))],
)
def test_the_old_delimited_form_is_split_only_where_it_fits(
    tmp_path: Path, value: str, expected: tuple[str, str]
) -> None:
    frame = read(tmp_path, [{"CustomerID": "1", "CustomerAttribute": value}], attributes=ATTRIBUTES)

    if "; " not in value and value.count(",") == 1 and ";" not in value:
        assert frame.row(0) == ("1", *expected)
    else:
        assert frame.row(0)[0] == "1"


def test_one_text_for_one_attribute_is_its_whole_value(tmp_path: Path) -> None:
    frame = read(tmp_path, [{"CustomerID": "1", "CustomerAttributes": "a,b;c"}], attributes=("Alias",))

    assert frame["attribute_alias"].to_list() == ["a,b;c"]


def test_more_values_than_attributes_are_refused_with_their_numbers(tmp_path: Path) -> None:
    rows = [{"CustomerID": "1", "CustomerAttributes": ["a", "b", "c"]}]

    with pytest.raises(AnswerError, match=r"3 customer attribute values where 2 were requested \(Alias;Country\)"):
        read(tmp_path, rows, attributes=ATTRIBUTES)


@pytest.mark.parametrize("value", ["a,b,c", "a", 5])
def test_a_text_that_cannot_be_split_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(AnswerError, match="can't be split into the 2 requested"):
        read(tmp_path, [{"CustomerID": "1", "CustomerAttributes": value}], attributes=ATTRIBUTES)


def test_attributes_that_nobody_requested_are_an_unknown_field(tmp_path: Path) -> None:
    frame = read(tmp_path, [{"CustomerID": "1", "CustomerAttributes": ["a"]}])

    assert frame["customer_attributes"].to_list() == ['["a"]']


def test_unknown_fields_are_found_in_every_block(tmp_path: Path) -> None:
    rows = [{"CustomerID": str(n), **({"Late": n} if n == 900 else {})} for n in range(1000)]
    path = tmp_path / "answer"
    path.write_text(json.dumps(rows))

    frames = list(read_frames(path, BY_ACTION.columns, block_bytes=1000))

    assert len(frames) > 5
    assert pl.concat(frames, how="diagonal")["late"].drop_nulls().to_list() == ["900"]


AWKWARD = st.text('":nul ,{}\\ax', max_size=6)
KEYS = ["foo", "b:r", 'q"', "x ", ":null", "back\\"]


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(KEYS), st.none() | AWKWARD, max_size=4), min_size=1, max_size=4),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (",", " :"), (",", "\n :")]),
)
def test_no_value_of_an_unknown_field_is_lost_whatever_its_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str | None]], separators: tuple[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "awkward"
    path.write_text(json.dumps(rows, separators=separators))

    frame = pl.concat(read_frames(path, BY_ACTION.columns), how="diagonal")

    for key in KEYS:
        values = [row.get(key) for row in rows]
        held = frame[snake_case(key)].to_list() if snake_case(key) in frame.columns else [None] * len(rows)
        assert held == values, key


def test_a_value_that_looks_like_a_null_field_hides_no_field(tmp_path: Path) -> None:
    frame = read(tmp_path, '[{"CustomerID":":null","Foo":"2"}]')

    assert frame["foo"].to_list() == ["2"]


def test_known_keys_serve_the_next_answer(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_text('[{"CustomerID":"1","Foo":"2"}]')
    known: dict[str, None] = {}

    first = pl.concat(read_frames(path, BY_ACTION.columns, known=known))
    again = pl.concat(read_frames(path, BY_ACTION.columns, known=known))

    assert list(known) == ["CustomerID", "Foo"]
    assert first.equals(again)


class FilledMeanwhile(dict[str, None]):
    """Known keys to which another thread adds one as soon as they have been looked at."""

    def __iter__(self) -> Iterator[str]:
        looked_at = [*super().__iter__()]
        self["Foo"] = None
        return iter(looked_at)


def test_a_key_that_another_answer_makes_known_meanwhile_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_text('[{"CustomerID":"1","Foo":"2"}]')

    (frame,) = read_frames(path, BY_ACTION.columns, known=FilledMeanwhile())

    assert frame["foo"].to_list() == ["2"]


@pytest.mark.parametrize("write", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_look_up_is_read_whole(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "answer"
    path.write_bytes(write(b'\xef\xbb\xbf{"Date":"2015-08-13"}'))

    assert read_json(path) == {"Date": "2015-08-13"}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"Date":"2015', TransientError),
        (b'[{"StageID":1},', TransientError),
        (b'{"Date":"2015-08-13"} x', AnswerError),
        (b'{"Date":2015-08-13}', AnswerError),
        (b"<html>", AnswerError),
        (b'{"Date":"\xff"}', AnswerError),
    ],
)
def test_a_look_up_that_is_not_json_is_refused(
    tmp_path: Path, content: bytes, error: type[AnswerError | TransientError]
) -> None:
    path = tmp_path / "answer"
    path.write_bytes(content)

    with pytest.raises(error):
        read_json(path)


def test_one_answer_of_160_megabytes_is_read_in_192_mebibytes(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    row = (
        '{"CustomerID":"C%09d","ChannelID":504,"ScheduledTime":"2026-11-20 10:00:00","SendID":"HG%d","TemplateID":12,'
        '"ActionID":42,"RecipientGroupID":1,"PromoCode":"","CustomerAttributes":["jdavis@aol.com","US"]}'
    )
    rows = ",".join(row % (n, n) for n in range(5000))
    with path.open("w") as file:
        file.write("[" + rows)
        for _ in range(159):
            file.write("," + rows)
        file.write("]")
    assert path.stat().st_size > 160e6

    program = (
        "import sys; from pathlib import Path; from optimove_pipeline.optimove.answers import read_frames;"
        "from optimove_pipeline.reports.catalogue import BY_NAME;"
        f"report = BY_NAME[{DETAILS.name!r}];"
        "print(sum(frame.height for frame in read_frames(Path(sys.argv[1]), report.columns, ('Email', 'Country'))),"
        "Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    told = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    rows_read, peak_kib = map(int, told.stdout.split())

    assert rows_read == 800_000
    assert peak_kib * 1024 <= MOST_MEMORY
