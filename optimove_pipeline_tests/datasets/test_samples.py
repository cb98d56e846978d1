"""Which rows a sample has: few, and such that they belong together."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.samples import referred_first, sample_rows, with_referred
from optimove_pipeline.settings.datasets import Datasets
from optimove_pipeline.staging import Partition, Staging
from optimove_pipeline_tests.docs.pages import ROOT

DAY = date(2026, 11, 20)
CASINO = {each.name: each for each in datasets_of(Datasets(preset="casino"), ROOT)}
SPORT = {each.name: each for each in datasets_of(Datasets(preset="sport"), ROOT)}


def held(folder: Path, rows_per_part: int = 50, **columns: dict[str, list[str]]) -> dict[str, Partition]:
    staging = Staging(folder)
    for name, values in columns.items():
        with staging.writing("validated", name, DAY, rows_per_part=rows_per_part) as writer:
            writer.write(pl.DataFrame(values, schema=dict.fromkeys(values, pl.String())))
    return {name: staging.open("validated", name, DAY) for name in columns}


def ids(*numbers: int) -> list[str]:
    return [f"P{number}" for number in numbers]


def test_the_customers_are_those_that_the_other_rows_are_of(tmp_path: Path) -> None:
    found = sample_rows(
        held(
            tmp_path,
            customers={"Player_ID": ids(*range(200))},
            transactions={"Transaction_ID": ids(*range(120)), "Player_ID": ids(*range(199, 79, -1))},
        ),
        referred_first([CASINO["transactions"], CASINO["customers"]]),
        10,
    )
    assert {*found["transactions"]["Player_ID"]} == {*found["customers"]["Player_ID"]} == {*ids(*range(80, 90))}


def test_rows_of_other_customers_and_customers_without_rows_fill_up(tmp_path: Path) -> None:
    found = sample_rows(
        held(
            tmp_path,
            customers={"Player_ID": ids(1, 2, 3)},
            transactions={"Transaction_ID": ids(1, 2, 3), "Player_ID": ids(7, 8, 2)},
        ),
        referred_first([*CASINO.values()]),
        2,
    )
    assert found["customers"]["Player_ID"].to_list() == ids(2, 1)
    assert found["transactions"]["Player_ID"].to_list() == ids(2, 7)


def test_a_partition_without_rows_has_no_sample(tmp_path: Path) -> None:
    parts = held(tmp_path, customers={"Player_ID": []}, transactions={"Transaction_ID": ["1"], "Player_ID": ["P1"]})
    found = sample_rows(parts, referred_first([*CASINO.values()]), 5)
    assert [*found] == ["transactions"]


def test_what_is_referred_to_comes_first_and_is_taken_along() -> None:
    chosen = with_referred([SPORT["bets_details"]], [*SPORT.values()])
    assert [each.name for each in chosen] == ["customers", "bets", "bets_details"]
    assert [each.name for each in referred_first([*reversed(chosen)])] == ["customers", "bets", "bets_details"]
