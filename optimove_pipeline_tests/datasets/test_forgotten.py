"""Forgotten customers in data sets that do not have their ids: known by what their rows belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.forgotten import forgotten_of
from optimove_pipeline.datasets.known import known_of
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.stages.leaving_out import Forgotten, find_left_out
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.datasets.rows import DAY, NOW, Row, dataset_named, extracted, row

CUSTOMERS, BETS, DETAILS = map(dataset_named, ("customers", "bets", "bets_details"))
CHOSEN = (CUSTOMERS, BETS, DETAILS)
NEXT = DAY + timedelta(days=1)


class Place:
    """Staging and a warehouse, with the customers C1 and C2."""

    def __init__(self, folder: Path) -> None:
        self.staging = Staging(folder / "staging")
        self.warehouse = Warehouse(folder / "warehouse.duckdb")
        self.make(CUSTOMERS, row("customers", Player_ID="C1"), row("customers", Player_ID="C2"))

    def forgotten(self, dataset: Dataset, *ids: str) -> Forgotten:
        """Return by what customers are left out of a data set."""
        return forgotten_of(dataset, CHOSEN, self.staging, lambda: self.warehouse.open("looking"), ids)

    def make(self, dataset: Dataset, *rows: Row, without: tuple[str, ...] = ()) -> DatasetValidation:
        """Take rows of the day through the stages up to the table, those of customers left out."""
        extracted(self.staging, dataset, rows)
        forgotten = self.forgotten(dataset, *without)
        with self.warehouse.open("looking up what is known") as connection:
            known = known_of(dataset, DAY, self.staging, connection, forgotten=forgotten)
        found = validate_dataset(dataset, DAY, self.staging, DatasetSettings(), known, now=NOW)
        publish(dataset, [DAY], self.staging, self.warehouse, "a run")
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def bet(number: int, player: str) -> Row:
    return row("bets", Bet_ID=f"B{number}", Player_ID=player)


def details(number: int) -> Row:
    return {"Bet_ID": f"B{number}", "Selection_ID": f"S{number}", "LastUpdated": "2026-11-19 10:00:00"}


def test_what_belongs_to_a_row_of_a_forgotten_customer_is_left_out_and_no_orphan(place: Place) -> None:
    bets = place.make(BETS, bet(1, " C1 "), bet(2, "C2"), without=("C1",))
    found = place.make(DETAILS, details(1), details(2), without=("C1",))
    assert (bets.rows, bets.suppressed) == (1, 1)
    assert (found.rows, found.suppressed, found.quarantined) == (1, 1, 0)


def test_it_is_left_out_though_the_row_that_it_belongs_to_was_published_before(place: Place) -> None:
    place.make(BETS, bet(1, "C1"), bet(2, "C2"))
    place.staging.remove("dataset", "bets", DAY)
    assert place.make(DETAILS, details(1), details(2), without=("C1",)).suppressed == 1


def test_a_package_made_after_the_customer_was_forgotten_has_none_of_it_either(place: Place) -> None:
    place.make(BETS, bet(1, "C1"), bet(2, "C2"))
    place.make(DETAILS, details(1), details(2))
    forgotten = place.forgotten(DETAILS, "C1")
    left_out = find_left_out(place.staging.open("validated", "bets_details", DAY), forgotten.column, forgotten.ids)
    assert (forgotten.column, left_out.ids.to_list(), left_out.rows) == ("Bet_ID", ["B1"], 1)


def test_whose_rows_they_are_is_told_by_the_customers_id_where_there_is_one(place: Place) -> None:
    assert place.forgotten(BETS, "C1", "C9") == Forgotten("Player_ID", ("C1", "C9"))
    without = replace(BETS, customer_column=None)
    assert place.forgotten(without, "C1", "C9") == Forgotten("Player_ID", frozenset({"C1", "C9"}))


def test_a_catalog_is_nobodys(place: Place) -> None:
    assert place.forgotten(dataset_named("game_types_and_categories"), "C1").column is None
