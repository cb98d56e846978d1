"""What is known besides a partition's rows: values referred to, and rows that earlier partitions delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.datasets.dataset import ContractColumn, Dataset, Load
from optimove_pipeline.datasets.known import known_of
from optimove_pipeline.datasets.shapes import refuse_other_shape
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.errors import ContractError, PartitionError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.datasets.rows import DAY, NOW, Row, dataset_named, extracted, held, row

CUSTOMERS, TRANSACTIONS = dataset_named("customers"), dataset_named("transactions")
TOLERANT = DatasetSettings(tolerated_share=1.0)
NEXT, EARLIER = DAY + timedelta(days=1), DAY - timedelta(days=1)


class Place:
    """Staging and a warehouse, and the stages of a day in them."""

    def __init__(self, folder: Path) -> None:
        self.staging = Staging(folder / "staging")
        self.warehouse = Warehouse(folder / "warehouse.duckdb")

    def validate(
        self, dataset: Dataset, day: date, rows: list[Row], own: DatasetSettings = TOLERANT
    ) -> DatasetValidation:
        """Write rows as extraction does, and validate them with what is known."""
        extracted(self.staging, dataset, rows, day)
        with self.warehouse.open("looking up what is known") as connection:
            known = known_of(dataset, day, self.staging, connection)
        return validate_dataset(dataset, day, self.staging, own, known, now=NOW + timedelta(days=2))

    def publish(self, dataset: Dataset, day: date, rows: list[Row]) -> DatasetValidation:
        """Validate and publish."""
        found = self.validate(dataset, day, rows)
        publish(dataset, [day], self.staging, self.warehouse, "a run")
        return found

    def ids(self, dataset: Dataset, day: date) -> list[str]:
        """Return the keys of a validated partition."""
        return held(self.staging, "validated", dataset, day)[dataset.key[0]].to_list()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def transaction(number: int, player: str = "C1", changed: str = "2026-11-19 10:00:00") -> Row:
    return row("transactions", Transaction_ID=f"T{number}", Player_ID=player, LastUpdated=changed)


def customer(name: str, changed: str = "2026-11-19 10:00:00") -> Row:
    return row("customers", Player_ID=name, LastUpdated=changed)


def test_a_value_is_known_if_it_was_published_on_any_day_or_is_validated_on_this_one(place: Place) -> None:
    place.publish(CUSTOMERS, EARLIER, [customer("C1")])
    place.validate(CUSTOMERS, DAY, [customer("C2")])
    found = place.validate(TRANSACTIONS, DAY, [transaction(1), transaction(2, "C2"), transaction(3, "C3")])
    assert (found.rows, found.by_rule) == (2, {"reference:Player_ID": 1})
    assert held(place.staging, "quarantine", TRANSACTIONS)["raw_value"].to_list() == ["C3"]


def test_a_value_is_known_if_a_partition_that_is_not_published_yet_has_it(place: Place) -> None:
    place.publish(CUSTOMERS, EARLIER, [customer("C1")])
    place.validate(CUSTOMERS, NEXT, [customer("C2")])
    assert place.validate(TRANSACTIONS, DAY, [transaction(1), transaction(2, "C2")]).rows == 2


def test_a_value_that_a_partition_validated_again_has_lost_is_known_while_it_is_published(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1")])
    place.validate(CUSTOMERS, DAY, [customer("C2")])
    assert place.validate(TRANSACTIONS, DAY, [transaction(1), transaction(2, "C2")]).rows == 2


def test_a_reference_to_what_is_validated_but_has_no_rows_knows_nobody(place: Place) -> None:
    place.validate(CUSTOMERS, DAY, [])
    assert place.validate(TRANSACTIONS, DAY, [transaction(1)]).by_rule == {"reference:Player_ID": 1}


def test_a_reference_that_can_not_be_checked_is_an_error(place: Place) -> None:
    with pytest.raises(PartitionError) as caught:
        place.validate(TRANSACTIONS, DAY, [transaction(1)])
    assert "validated/transactions of 2026-11-19: what refers to customers.Player_ID can't be checked" in str(
        caught.value
    )
    assert "customers has no partition with Player_ID that is validated or published" in str(caught.value)


def test_overlap_rows_that_an_earlier_partition_published_are_not_sent_again(place: Place) -> None:
    old, late, fresh = "2026-11-19 23:59:59", "2026-11-19 23:00:00", "2026-11-20 00:00:00"
    place.publish(CUSTOMERS, DAY, [customer("C1", old), customer("C2", old)])
    found = place.publish(
        CUSTOMERS, NEXT, [customer("C1", old), customer("C2", fresh), customer("C3", late), customer("C4", fresh)]
    )
    assert (found.rows, found.already_delivered) == (3, 1)
    assert place.ids(CUSTOMERS, NEXT) == ["C2", "C3", "C4"]


def test_a_partition_that_is_rebuilt_is_the_same_again(place: Place) -> None:
    rows = [customer("C1"), customer("C2")]
    place.publish(CUSTOMERS, DAY, rows)
    place.publish(CUSTOMERS, NEXT, [*rows, customer("C3", "2026-11-20 08:00:00")])
    assert place.publish(CUSTOMERS, DAY, rows).rows == 2
    again = place.publish(CUSTOMERS, NEXT, [*rows, customer("C3", "2026-11-20 08:00:00")])
    assert (again.rows, again.already_delivered) == (1, 2)


def test_a_partition_of_older_changes_is_not_compared_with_later_ones(place: Place) -> None:
    place.publish(CUSTOMERS, NEXT, [customer("C1")])
    assert place.publish(CUSTOMERS, DAY, [customer("C1")]).already_delivered == 0


def test_a_snapshot_holds_all_rows_whatever_was_delivered(place: Place) -> None:
    snapshot = replace(CUSTOMERS, load=Load.SNAPSHOT)
    place.publish(snapshot, DAY, [customer("C1")])
    assert place.publish(snapshot, NEXT, [customer("C1")]).rows == 1


def test_values_are_compared_whatever_their_type_in_the_source(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [row("customers", Player_ID=12)])
    found = place.validate(TRANSACTIONS, DAY, [transaction(1, " 12 ")])
    assert (found.rows, found.repaired) == (1, {"trim:Player_ID": 1})


def test_many_values_are_known_in_little_more_than_their_hashes(place: Place) -> None:
    names = [f"C{number}" for number in range(50_000)]
    place.publish(CUSTOMERS, DAY, [customer(name) for name in names[:100]])
    extracted(place.staging, TRANSACTIONS, [transaction(1)])
    with place.warehouse.open("looking up what is known") as connection:
        connection.execute(
            "INSERT INTO datasets.customers (_partition, Player_ID) "
            "SELECT '2026-01-01', 'C' || range FROM range(50000)"
        )
        known = known_of(TRANSACTIONS, DAY, place.staging, connection)
    asked = pl.Series([*names, "C50000", "c1"])
    assert known.references["customers.Player_ID"](asked).sum() == len(names)


def test_of_a_change_that_has_no_time_of_day_no_row_is_taken_for_delivered(place: Place) -> None:
    for midnight in ("2026-11-19", "2026-11-19 00:00:00"):
        place.publish(CUSTOMERS, DAY, [customer("C1", midnight), customer("C2")])
        found = place.publish(CUSTOMERS, NEXT, [customer("C1", midnight), customer("C2")])
        assert (found.already_delivered, place.ids(CUSTOMERS, NEXT)) == (1, ["C1"])


def test_a_partition_that_is_only_validated_counts_for_nothing(place: Place) -> None:
    place.validate(CUSTOMERS, DAY, [customer("C1")])
    assert place.validate(CUSTOMERS, NEXT, [customer("C1")]).already_delivered == 0


def bad(name: str, gender: str = "M", changed: str = "2026-11-19 23:00:00") -> Row:
    return row("customers", Player_ID=name, Gender=gender, LastUpdated=changed)


def stricter() -> Dataset:
    """Return the customers by a contract that wants an address of each."""
    columns = [replace(each, required=True) if each.name == "Email" else each for each in CUSTOMERS.columns]
    return replace(CUSTOMERS, columns=tuple(columns))


def test_a_row_that_was_delivered_is_judged_by_no_rule_again(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer(" C1"), customer("C2")])
    found = place.publish(stricter(), NEXT, [customer(" C1"), customer("C2"), customer("C3")])
    assert (found.already_delivered, found.quarantined, found.repaired) == (2, 1, {})


def test_an_older_version_of_a_row_that_was_delivered_is_not_sent_after_it(place: Place) -> None:
    newer, older = customer("C1", "2026-11-19 12:00:00"), customer("C1", "2026-11-19 11:00:00")
    place.publish(CUSTOMERS, DAY, [newer])
    for dataset in (CUSTOMERS, stricter()):
        found = place.publish(dataset, NEXT, [{**older, "Email": "a@b"}, newer])
        assert (found.rows, found.already_delivered, found.repeated_rows) == (0, 1, 1)


def test_a_row_in_quarantine_that_is_read_again_as_it_was_is_not_put_there_again(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1"), bad("C2")])
    found = place.publish(CUSTOMERS, NEXT, [bad("C2"), bad("C3")])
    assert (found.rows_in, found.quarantined, found.quarantined_before) == (2, 1, 1)
    assert found.by_rule == {"allowed:Gender": 1}
    assert ["C3" in each for each in held(place.staging, "quarantine", CUSTOMERS, NEXT)["row"]] == [True]


def test_it_counts_from_the_month_of_history_before_the_first_day_too(place: Place) -> None:
    month = Month(2026, 11, 1)
    place.publish(CUSTOMERS, month, [bad("C1", changed="2026-11-18 23:00:00")])
    found = place.publish(CUSTOMERS, DAY, [bad("C1", changed="2026-11-18 23:00:00")])
    assert (found.quarantined, found.quarantined_before) == (0, 1)


def test_it_counts_from_a_partition_that_was_held_back_too_which_holds_back_no_other(place: Place) -> None:
    own = DatasetSettings(tolerated_share=0.0)
    with pytest.raises(ContractError):
        place.validate(CUSTOMERS, DAY, [customer("C1"), bad("C2")], own)
    found = place.validate(CUSTOMERS, NEXT, [customer("C1"), bad("C2")], own)
    assert (found.rows, found.quarantined, found.quarantined_before) == (1, 0, 1)


def test_a_row_that_was_mended_goes_out_with_the_next_day_and_one_still_broken_is_shown_anew(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [bad("C1"), bad("C2"), customer("C3")])
    found = place.publish(CUSTOMERS, NEXT, [bad("C1", "Male"), bad("C2", "F"), customer("C3")])
    assert (place.ids(CUSTOMERS, NEXT), found.quarantined, found.quarantined_before) == (["C1"], 1, 0)


def test_a_row_in_quarantine_of_a_later_partition_or_of_a_day_long_past_counts_for_nothing(place: Place) -> None:
    for day in (DAY - timedelta(days=5), NEXT):
        place.publish(CUSTOMERS, day, [bad("C1")])
    assert place.publish(CUSTOMERS, DAY, [bad("C1")]).quarantined == 1


def test_of_a_snapshot_every_broken_row_is_shown_each_time(place: Place) -> None:
    snapshot = replace(CUSTOMERS, load=Load.SNAPSHOT)
    for day in (DAY, NEXT):
        assert place.publish(snapshot, day, [bad("C1")]).quarantined == 1


def wider(dataset: Dataset, name: str, kind: Kind = Kind.TEXT) -> Dataset:
    """Return a data set whose contract has one column more."""
    return replace(dataset, columns=(*dataset.columns, ContractColumn(name, kind)))


def retyped(dataset: Dataset, name: str, kind: Kind) -> Dataset:
    """Return a data set with a column of another kind."""
    columns = [replace(each, kind=kind) if each.name == name else each for each in dataset.columns]
    return replace(dataset, columns=tuple(columns))


def test_a_key_that_was_widened_takes_no_row_of_the_old_shape_for_delivered(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1")])
    keyed = replace(wider(CUSTOMERS, "Shop"), key=(*CUSTOMERS.key, "Shop"))
    place.staging.remove("validated", "customers", DAY)
    found = place.publish(keyed, NEXT, [{**customer("C1"), "Shop": "one"}])
    assert (found.rows, found.already_delivered) == (1, 0)


def test_rows_of_the_old_shape_that_are_only_staged_are_not_taken_for_delivered(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1")])
    keyed = replace(wider(CUSTOMERS, "Shop"), key=(*CUSTOMERS.key, "Shop"))
    extracted(place.staging, keyed, [{**customer("C1"), "Shop": "one"}], NEXT)
    with place.warehouse.open("looking up what is known") as connection:
        known = known_of(keyed, NEXT, place.staging, connection, counted=[DAY])
    assert known.delivered(held(place.staging, "validated", CUSTOMERS).with_columns(Shop=pl.lit("one"))).sum() == 0


@pytest.mark.parametrize(("old", "new"), [(Kind.TEXT, Kind.INTEGER), (Kind.INTEGER, Kind.TEXT)])
def test_a_key_of_another_type_is_compared_as_it_is_now(place: Place, old: Kind, new: Kind) -> None:
    place.publish(retyped(CUSTOMERS, "Player_ID", old), DAY, [customer("12")])
    now = retyped(CUSTOMERS, "Player_ID", new)
    for counted in (None, [DAY]):
        extracted(place.staging, now, [customer("12")], NEXT)
        with place.warehouse.open("looking up what is known") as connection:
            known = known_of(now, NEXT, place.staging, connection, counted=counted)
        own = DatasetSettings(tolerated_share=1.0)
        found = validate_dataset(now, NEXT, place.staging, own, known, now=NOW + timedelta(days=2))
        assert found.already_delivered == 1


def test_a_column_that_a_published_data_set_does_not_have_yet_is_known_from_the_partitions_that_have_it(
    place: Place,
) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1")])
    columns = [replace(each, reference="customers.Card") if each.reference else each for each in TRANSACTIONS.columns]
    referring = replace(TRANSACTIONS, columns=tuple(columns))
    with pytest.raises(PartitionError, match=r"customers has no partition with Card .* dataset/customers and"):
        place.validate(referring, NEXT, [transaction(1, "a card")])
    place.validate(wider(CUSTOMERS, "Card"), DAY, [{**customer("C1"), "Card": "a card"}])
    assert place.validate(referring, NEXT, [transaction(1, "a card"), transaction(2, "C1")]).rows == 1


def test_what_was_read_under_another_contract_is_read_again_and_not_taken_for_empty(place: Place) -> None:
    place.publish(CUSTOMERS, DAY, [customer("C1")])
    now = wider(CUSTOMERS, "Card")
    with place.warehouse.open("looking up what is known") as connection:
        known = known_of(now, DAY, place.staging, connection)
    with pytest.raises(PartitionError) as caught:
        validate_dataset(now, DAY, place.staging, DatasetSettings(), known, now=NOW)
    assert str(caught.value) == (
        "dataset/customers of 2026-11-19 was made under another contract (Card is missing): materialise "
        "dataset/customers again"
    )


def test_a_validated_partition_of_another_contract_is_not_packaged(place: Place) -> None:
    place.validate(CUSTOMERS, DAY, [customer("C1")])
    partition = place.staging.open("validated", "customers", DAY)
    refuse_other_shape(CUSTOMERS, partition)
    with pytest.raises(
        PartitionError, match=r"\(Balance is Decimal.*, not Int64\): materialise dataset/customers and"
    ):
        refuse_other_shape(retyped(CUSTOMERS, "Balance", Kind.INTEGER), partition)
