"""Validating a day: rules, quarantine, gate."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.errors import ContractError, PartitionError
from optimove_pipeline.feeds import Column, Feed, Kind
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.stages.frames import Bounds
from optimove_pipeline.stages.validate import validate, validation_of
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.stages.days import DAY, SENDS, UNIQUE_SENDS, extracted, held, row


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def test_rows_are_typed_under_the_day_of_the_partition(staging: Staging) -> None:
    extracted(staging, [row("8D871", attribute_country="UA")])
    found = validate(SENDS, DAY, staging, tolerated_share=0, attributes=["attribute_email"])
    assert held(staging, "validated").row(0, named=True) == {
        "report_date": DAY,
        "campaign_id": 7,
        "customer_id": "8D871",
        "future_value": 12.5,
        "is_multi_channel": True,
        "start_date": date(2026, 11, 19),
        "scheduled_time": datetime(2026, 11, 19, 10, 30),  # noqa: DTZ001 - times are naive
        "attribute_email": None,
        "attribute_country": "UA",
    }
    assert (found.rows_in, found.rows, found.quarantined, found.unknown_columns) == (1, 1, 0, [])


@pytest.mark.parametrize(
    ("column", "text", "rule", "shown"),
    [
        ("campaign_id", "seven", "type:campaign_id", "seven"),
        ("campaign_id", None, "required:campaign_id", None),
        ("campaign_id", "", "required:campaign_id", ""),
        ("campaign_id", "-1", "minimum:campaign_id", "-1"),
        ("customer_id", None, "required:customer_id", None),
        ("future_value", "much", "type:future_value", "much"),
        ("is_multi_channel", "maybe", "type:is_multi_channel", "maybe"),
        ("start_date", "24.06.2015", "type:start_date", "24.06.2015"),
        ("scheduled_time", "2015-12-30T10:30:00Z", "type:scheduled_time", "2015-12-30T10:30:00Z"),
    ],
)
def test_a_broken_row_goes_to_quarantine_with_its_rule_and_its_text(
    staging: Staging, column: str, text: str | None, rule: str, shown: str | None
) -> None:
    sound, broken = row("A"), row('Bö, "b"\n') | {column: text}
    extracted(staging, [sound, broken])
    found = validate(SENDS, DAY, staging, tolerated_share=0.5)
    quarantined = held(staging, "quarantine").row(0, named=True)
    kept = json.loads(quarantined.pop("row"))
    assert quarantined == {"report_date": DAY, "rule": rule, "column": column, "raw_value": shown}
    assert kept == {name: value for name, value in broken.items() if not name.startswith("_")}
    assert held(staging, "validated")["customer_id"].to_list() == ["A"]
    assert found.by_rule == {rule: 1}


def test_a_row_that_breaks_many_rules_is_in_quarantine_once_and_counted_for_each(staging: Staging) -> None:
    extracted(staging, [row("A"), row(None, campaign_id="-1", future_value="x")])
    found = validate(SENDS, DAY, staging, tolerated_share=0.5)
    quarantined = held(staging, "quarantine")
    assert quarantined["rule"].to_list() == ["minimum:campaign_id, required:customer_id, type:future_value"]
    assert quarantined.select("column", "raw_value").row(0) == ("campaign_id", "-1")
    assert found.quarantined == 1
    assert found.by_rule == {"minimum:campaign_id": 1, "required:customer_id": 1, "type:future_value": 1}


def test_a_null_in_the_key_breaks_the_contract_even_where_the_column_is_not_required(staging: Staging) -> None:
    feed = replace(SENDS, columns=(Column("campaign_id", Kind.INTEGER), *SENDS.columns[1:]))
    extracted(staging, [row("A"), row("B", campaign_id=None)])
    found = validate(feed, DAY, staging, tolerated_share=0.5)
    assert held(staging, "quarantine")["rule"].to_list() == ["key:campaign_id"]
    assert found.null_keys == {"campaign_id": 1, "customer_id": 0}


def test_empty_text_is_no_value_but_for_text(staging: Staging) -> None:
    extracted(staging, [row("", future_value="", is_multi_channel="", start_date="", scheduled_time="")])
    validate(SENDS, DAY, staging, tolerated_share=0)
    assert held(staging, "validated").drop("report_date", "campaign_id").row(0) == ("", None, None, None, None)


def test_a_share_of_broken_rows_that_is_just_tolerated_lets_the_day_pass(staging: Staging) -> None:
    extracted(staging, [row("A"), row("B"), row("C"), row(None)])
    assert validate(SENDS, DAY, staging, tolerated_share=0.25).quarantined_share == 0.25
    assert held(staging, "validated").height == 3


def test_a_day_with_more_broken_rows_than_tolerated_is_held_back_and_says_why(staging: Staging) -> None:
    extracted(staging, [row("A"), row("B", campaign_id="x"), row(None), row(None)])
    with pytest.raises(ContractError) as error:
        validate(SENDS, DAY, staging, tolerated_share=0.5)
    assert "validated/sends of 2026-11-19 is held back: 3 of 4 rows (75.00%)" in str(error.value)
    assert "required:customer_id 2, type:campaign_id 1" in str(error.value)
    assert staging.find("validated", "sends", DAY) is None
    quarantine = staging.open("quarantine", "sends", DAY)
    assert quarantine.rows == 3
    assert validation_of(quarantine).by_rule == {"required:customer_id": 2, "type:campaign_id": 1}


def test_a_day_held_back_loses_its_older_validated_rows_and_gets_new_ones_once_it_passes(staging: Staging) -> None:
    for rows, passes in (([row("A")], True), ([row(None)], False), ([row("B")], True)):
        extracted(staging, rows)
        if passes:
            validate(SENDS, DAY, staging, tolerated_share=0)
            continue
        with pytest.raises(ContractError):
            validate(SENDS, DAY, staging, tolerated_share=0)
        assert staging.find("validated", "sends", DAY) is None
    assert held(staging, "validated")["customer_id"].to_list() == ["B"]
    assert staging.open("quarantine", "sends", DAY).rows == 0


def test_validating_a_day_twice_gives_the_same_rows(staging: Staging) -> None:
    extracted(staging, [row("A"), row("B"), row(None)])
    first = validate(SENDS, DAY, staging, tolerated_share=0.5), held(staging, "validated")
    second = validate(SENDS, DAY, staging, tolerated_share=0.5), held(staging, "validated")
    assert first[0] == second[0]
    assert first[1].equals(second[1])


def test_a_day_that_was_never_extracted_is_refused(staging: Staging) -> None:
    with pytest.raises(PartitionError, match="report/sends of 2026-11-19"):
        validate(SENDS, DAY, staging, tolerated_share=0)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_an_empty_day_of_every_report_is_a_real_partition_with_all_columns(staging: Staging, report: Feed) -> None:
    with staging.writing("report", report.name, DAY):
        pass
    found = validate(report, DAY, staging, tolerated_share=0)
    partition = staging.open("validated", report.name, DAY)
    assert partition.rows == 0
    assert partition.columns == found.columns
    assert partition.columns == {
        "report_date": "Date",
        **{column.name: str(column.kind.dtype) for column in report.columns},
    }


def test_the_numbers_stay_with_the_partition(staging: Staging) -> None:
    extracted(staging, [row("A"), row(None, score="1")])
    found = validate(SENDS, DAY, staging, tolerated_share=0.5)
    assert validation_of(staging.open("validated", "sends", DAY)) == found
    assert validation_of(staging.open("quarantine", "sends", DAY)) == found


def test_a_sound_row_keeps_its_key_when_an_earlier_row_of_that_key_is_broken(staging: Staging) -> None:
    extracted(staging, [row("A", future_value="x"), row("A", future_value="1"), row("A", future_value="2")])
    validate(UNIQUE_SENDS, DAY, staging, tolerated_share=1)
    assert held(staging, "validated")["future_value"].to_list() == [1.0]
    assert held(staging, "quarantine").select("rule", "column", "raw_value").rows() == [
        ("type:future_value", "future_value", "x"),
        ("unique", "campaign_id, customer_id", "7, A"),
    ]


def test_a_large_part_is_read_in_bounded_frames(staging: Staging) -> None:
    extracted(staging, [row(str(number)) for number in range(10)])
    validate(SENDS, DAY, staging, tolerated_share=0, bounds=Bounds(rows=3))
    assert held(staging, "validated")["customer_id"].to_list() == [str(number) for number in range(10)]
    assert isinstance(held(staging, "validated").schema["scheduled_time"], pl.Datetime)
