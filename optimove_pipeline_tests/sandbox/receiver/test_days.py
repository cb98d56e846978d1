"""A day is complete when every expected table is accepted, in its usual volume."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.report import ReceivedDay, received, received_days
from optimove_pipeline_tests.sandbox.receiver.goods import (
    CUSTOMER,
    DAY,
    GAME,
    ROWS,
    TRANSACTION,
    deliver_day,
    deliver_rows,
    on,
)


def days(places: Places) -> dict[date, ReceivedDay]:
    """What became of each day."""
    return {each.day: each for each in received_days(received(places.folder))}


def test_a_day_with_every_table_is_complete(places: Places) -> None:
    deliver_day(places)
    assert days(places) == {DAY: ReceivedDay(DAY, True, (), (), (), dict.fromkeys(ROWS, 1))}


@pytest.mark.parametrize("table", ROWS)
def test_a_day_without_a_table_says_which_is_missing(places: Places, table: str) -> None:
    deliver_day(places, without=table)
    day = days(places)[DAY]
    assert (day.complete, day.missing) == (False, (table,))


def test_a_day_with_a_rejected_file_is_complete_once_a_good_version_came(places: Places) -> None:
    deliver_day(places)
    deliver_rows(places, "Game_Types_and_Categories", [{**GAME, "Game_Name": ""}])
    assert (days(places)[DAY].complete, days(places)[DAY].rejected) == (False, ("Game_Types_and_Categories",))
    deliver_rows(places, "Game_Types_and_Categories", [GAME], version=2)
    assert days(places)[DAY].complete


def test_a_redelivery_that_is_rejected_takes_the_day_back(places: Places) -> None:
    deliver_day(places)
    deliver_rows(places, "Transactions", [{**TRANSACTION, "Player_ID": "ghost"}], version=2)
    assert days(places)[DAY].rejected == ("Transactions",)


def test_only_the_newest_version_s_rows_count(places: Places) -> None:
    deliver_day(places)
    deliver_rows(places, "Customers", [CUSTOMER, {**CUSTOMER, "Player_ID": "2"}], version=2)
    assert days(places)[DAY].rows["Customers"] == 2


@pytest.mark.parametrize(("rows", "short"), [(1, ("Customers",)), (2, ())])
def test_a_table_needs_a_fifth_of_its_average(places: Places, rows: int, short: tuple[str, ...]) -> None:
    for back in (1, 2):
        day = DAY - timedelta(days=back)
        deliver_day(places, day, without="Customers")
        customers = [on({**CUSTOMER, "Player_ID": f"{100_001 + number}"}, day) for number in range(10)]
        deliver_rows(places, "Customers", customers, day)
    deliver_day(places, without="Customers")
    customers = [{**CUSTOMER, "Player_ID": f"{100_001 + number}"} for number in range(rows)]
    deliver_rows(places, "Customers", customers)
    day_told = days(places)[DAY]
    assert (day_told.volume, day_told.complete) == (short, not short)


def test_days_more_than_180_back_are_no_part_of_the_average(places: Places) -> None:
    old = DAY - timedelta(days=181)
    deliver_day(places, old, without="Game_Types_and_Categories")
    games = [{**GAME, "Game_ID": f"G{number:03d}"} for number in range(30)]
    deliver_rows(places, "Game_Types_and_Categories", games, old)
    deliver_day(places)
    assert days(places)[DAY].complete


def test_a_folder_without_deliveries_has_no_days(tmp_path: Path) -> None:
    assert received(tmp_path / "nothing") == []
    assert received_days([]) == []
