"""Masks: other values of the same format, alike wherever the same value stands, and none that leads back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.dataset import ContractColumn, Dataset
from optimove_pipeline.datasets.masking import Masks, mask_rows, personal_names, personal_values
from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.datasets import Datasets
from optimove_pipeline_tests.docs.pages import ROOT

CASINO = {each.name: each for each in datasets_of(Datasets(preset="casino"), ROOT)}


def masked(dataset: Dataset, masks: Masks | None = None, **columns: Sequence[object]) -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            column.name: pl.Series(
                columns.get(column.name, [None] * len(next(iter(columns.values())))), dtype=column.kind.dtype
            )
            for column in dataset.columns
        }
    )
    used = masks or Masks()
    used.avoid(personal_values(rows, dataset))
    return mask_rows(rows, dataset, personal_names([*CASINO.values()]), used)


def of_column(column: ContractColumn, *values: object) -> list[object]:
    dataset = replace(CASINO["customers"], columns=(column,))
    return masked(dataset, None, **{column.name: values})[column.name].to_list()


def test_texts_keep_their_length_their_case_and_all_that_is_neither_letter_nor_digit() -> None:
    rows = masked(
        CASINO["customers"],
        Player_ID=["AB-0042/x"],
        Mobile_Number=["+447947359768"],
        Email=["Ada.Lovelace@mail.example.org"],
        First_Name=["Ada-Élise"],
        Address=["12 Main St., 90210"],
    )
    forms = {
        "Player_ID": r"[A-Z]{2}-0\d{3}/[a-z]",
        "Mobile_Number": r"\+[1-9]\d{11}",
        "Email": r"[A-Z][a-z]{2}\.[A-Z][a-z]{7}@example\.com",
        "First_Name": r"[A-Z][a-z]{2}-[A-Z][a-z]{4}",
        "Address": r"\d{2} [A-Z][a-z]{3} [A-Z][a-z]\., \d{5}",
    }
    for name, form in forms.items():
        assert re.fullmatch(form, rows[name][0]), (name, rows[name][0])


def test_the_same_value_has_the_same_mask_in_every_data_set_and_no_other_has_it() -> None:
    masks, ids = Masks(), [f"{number}" for number in range(10, 60)]
    customers = masked(CASINO["customers"], masks, Player_ID=ids)["Player_ID"].to_list()
    transactions = masked(CASINO["transactions"], masks, Player_ID=ids[::-1])["Player_ID"].to_list()
    assert transactions == customers[::-1]
    assert len({*customers}) == len(ids)
    assert not {*customers} & {*ids}


def test_another_sample_has_other_masks() -> None:
    first, second = (masked(CASINO["customers"], Last_Name=["Featherstonehaugh"])["Last_Name"][0] for _ in range(2))
    assert first != second


def test_what_is_blank_or_not_personal_stays() -> None:
    rows = masked(
        CASINO["customers"], Player_ID=["1"], Country=["GB"], Balance=[Decimal("1.5")], Brand=["SuperBrand"]
    )
    assert rows["Email"][0] is None
    assert rows.select("Country", "Balance", "Brand").row(0) == ("GB", Decimal("1.5000"), "SuperBrand")


def test_dates_stay_in_their_year_and_times_keep_their_time() -> None:
    (born,) = of_column(ContractColumn("Date_Of_Birth", Kind.DATE, personal=True), date(1984, 2, 29))
    (seen,) = of_column(ContractColumn("Seen", Kind.TIME, personal=True), datetime(2024, 12, 31, 7, 8, 9))  # noqa: DTZ001
    assert isinstance(born, date)
    assert born.year == 1984
    assert isinstance(seen, datetime)
    assert (seen.year, seen.hour, seen.minute) == (2024, 7, 8)


def test_numbers_keep_their_digits_and_listed_values_are_of_the_list() -> None:
    (number,) = of_column(ContractColumn("Number", Kind.INTEGER, personal=True), 4711)
    (amount,) = of_column(ContractColumn("Amount", Kind.DECIMAL, personal=True), Decimal("12.5000"))
    (share,) = of_column(ContractColumn("Share", Kind.NUMBER, personal=True), 0.25)
    (listed,) = of_column(ContractColumn("Listed", Kind.TEXT, personal=True, allowed=("A", "B")), "A")
    (flag,) = of_column(ContractColumn("Flag", Kind.FLAG, personal=True), True)
    assert re.fullmatch(r"[1-9]\d{3}", str(number))
    assert re.fullmatch(r"[1-9]\d\.\d{4}", str(amount))
    assert 0 <= float(str(share)) < 1
    assert listed in {"A", "B"}
    assert flag is True


def test_ids_keep_their_length_while_there_are_masks_of_it() -> None:
    found = of_column(ContractColumn("Player_ID", Kind.TEXT, personal=True), *map(str, range(10, 40)))
    assert {len(str(each)) for each in found} == {2}
    assert len({*found}) == 30


def test_ids_of_which_there_are_more_than_masks_of_their_length_get_longer_ones() -> None:
    column = ContractColumn("Player_ID", Kind.TEXT, personal=True)
    found = of_column(column, *"123456789")
    assert len({*found}) == 9
    assert all(str(each).isdigit() for each in found)


def test_the_context_of_an_event_is_masked_where_a_profile_is_personal() -> None:
    masks = Masks()
    told = {
        "ootb_email": "ada@mail.org",
        "first_name": "Ada",
        "country": "GB",
        "balance": 3.5,
        "more": [{"City": "Ely"}],
    }
    rows = masked(CASINO["events"], masks, customer=["42"], context=[json.dumps(told)])
    found = json.loads(rows["context"][0])
    assert (found["country"], found["balance"]) == ("GB", 3.5)
    assert re.fullmatch(r"[a-z]{3}@example\.com", found["ootb_email"])
    assert found["first_name"] == masks.text("Ada") != "Ada"
    assert found["more"][0]["City"] not in {"Ely", None}


def test_a_context_that_nobody_can_read_is_left_out() -> None:
    rows = masked(CASINO["events"], customer=["42"], context=["ada@mail.org {"])
    assert rows["context"].to_list() == ["{}"]


def test_nothing_of_the_values_is_in_the_text_of_the_masks() -> None:
    masks = Masks()
    masked(CASINO["customers"], masks, Email=["ada@mail.org"])
    assert "ada" not in repr(masks)
