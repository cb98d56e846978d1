"""Partitions in Iceberg tables: whole, once, the newest change of each key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.errors import ContractError
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.iceberg.catalogs import opened
from optimove_pipeline.targets.iceberg.target import IcebergTarget
from optimove_pipeline.targets.table import Table, TableColumn
from optimove_pipeline_tests.servers.iceberg_reader import duckdb_rows
from optimove_pipeline_tests.targets.iceberg.tables import ACTIONS, BETS, CUSTOMERS, GAMES, at, held, rows, target

MONDAY, TUESDAY = "2026-11-20", "2026-11-21"


@pytest.fixture
def place(tmp_path: Path) -> IcebergTarget:
    return target(tmp_path)


def player(name: str, hours: float, visits: int = 1) -> tuple[object, ...]:
    return (name, Decimal("1.5000"), visits, False, date(2026, 1, 31), at(hours))


def test_values_of_every_type_arrive_as_they_are(place: IcebergTarget) -> None:
    content = [("ä,\"\n'", Decimal("-99999999999999.9999"), -(2**62), True, date(1970, 1, 1), at(1.5))]
    content += [("b", None, None, None, None, at(2))]  # type: ignore[list-item] # what is not required may be null
    place.load(rows(CUSTOMERS, MONDAY, content))
    expected = sorted([(*row, MONDAY) for row in content], key=lambda row: str(row[0]))
    assert held(place, CUSTOMERS) == expected
    with opened(place.settings, place.name, place.data_dir) as catalog:
        metadata = catalog.load_table("optimove.customers").metadata_location
    as_text = [[value if isinstance(value, int | None) else str(value) for value in row] for row in expected]
    assert sorted(duckdb_rows(metadata), key=lambda row: str(row[0])) == as_text


def test_the_newest_change_of_a_key_stays_whatever_comes_first(place: IcebergTarget) -> None:
    place.load(rows(CUSTOMERS, TUESDAY, [player("a", 30, 2), player("b", 30, 2)]))
    place.load(rows(CUSTOMERS, MONDAY, [player("a", 5, 1), player("b", 31, 1), player("c", 5, 1)]))
    assert held(place, CUSTOMERS) == [
        (*player("a", 30, 2), TUESDAY),
        (*player("b", 31, 1), MONDAY),
        (*player("c", 5, 1), MONDAY),
    ]


def test_of_two_rows_with_the_same_change_the_later_load_stays(place: IcebergTarget) -> None:
    place.load(rows(CUSTOMERS, MONDAY, [player("a", 5, 1), player("b", 5, 1)]))
    place.load(rows(CUSTOMERS, TUESDAY, [player("a", 5, 2)]))
    assert held(place, CUSTOMERS) == [(*player("a", 5, 2), TUESDAY), (*player("b", 5, 1), MONDAY)]


def test_a_key_that_arrives_twice_is_there_once(place: IcebergTarget) -> None:
    place.load(rows(CUSTOMERS, MONDAY, [player("a", 5, 1), player("a", 7, 2), player("a", 6, 3)], frames=3))
    assert held(place, CUSTOMERS) == [(*player("a", 7, 2), MONDAY)]


def test_a_row_without_a_change_gives_way_to_one_that_has_it(place: IcebergTarget) -> None:
    place.load(rows(BETS, MONDAY, [(1, "a", None), (2, "a", at(1))]))
    place.load(rows(BETS, TUESDAY, [(1, "b", at(0)), (2, "b", None), (3, "b", None)]))
    assert held(place, BETS) == [(1, "b", at(0), TUESDAY), (2, "a", at(1), MONDAY), (3, "b", None, TUESDAY)]


@pytest.mark.parametrize(
    ("table", "content"),
    [(CUSTOMERS, [player("a", 5), player("b", 6)]), (BETS, [(1, "a", at(5)), (2, "b", None)])],
    ids=["profiles", "facts"],
)
def test_loading_the_same_again_changes_nothing(
    place: IcebergTarget, table: Table, content: list[tuple[object, ...]]
) -> None:
    place.load(rows(table, MONDAY, content))
    before = held(place, table)
    place.load(rows(table, MONDAY, content))
    assert held(place, table) == before


def test_many_rows_in_many_files_are_each_there_once(place: IcebergTarget) -> None:
    first = [(number, "a", at(1)) for number in range(5000)]
    second = [(number, "b", at(2 if number % 2 else 0)) for number in range(3000, 9000)]
    place.load(rows(BETS, MONDAY, first, frames=7))
    place.load(rows(BETS, TUESDAY, second, frames=5))
    expected = [(*row, MONDAY) for row in first if row[0] < 3000 or row[0] % 2 == 0]
    expected += [(*row, TUESDAY) for row in second if row[0] >= 5000 or row[0] % 2]
    assert held(place, BETS) == sorted(expected)


def test_a_partition_replaces_its_own_rows_and_no_others(place: IcebergTarget) -> None:
    place.load(rows(ACTIONS, MONDAY, [("a", 1), ("a", 1), ("b", 2)]))
    place.load(rows(ACTIONS, TUESDAY, [("a", 3)]))
    place.load(rows(ACTIONS, MONDAY, [("c", 4)]))
    assert held(place, ACTIONS) == [("a", 3, TUESDAY), ("c", 4, MONDAY)]
    place.load(rows(ACTIONS, MONDAY, []))
    assert held(place, ACTIONS) == [("a", 3, TUESDAY)]


def test_a_catalog_is_replaced_whole_unless_a_newer_one_is_there(place: IcebergTarget) -> None:
    place.load(rows(GAMES, MONDAY, [("1", "Chess"), ("2", "Go")]))
    place.load(rows(GAMES, TUESDAY, [("1", "Chess II")]))
    older = rows(GAMES, MONDAY, [("3", "Draughts")])
    place.load(older)
    assert held(place, GAMES) == [("1", "Chess II", TUESDAY)]
    assert place.receipt(GAMES, MONDAY) == older.source
    place.load(rows(GAMES, "2026-10", [("4", "Mill")]))
    assert held(place, GAMES) == [("1", "Chess II", TUESDAY)]


def test_an_empty_catalog_is_the_newest_too(place: IcebergTarget) -> None:
    place.load(rows(GAMES, TUESDAY, []))
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    assert held(place, GAMES) == []


def test_rows_of_forgotten_customers_are_gone_from_all_partitions(place: IcebergTarget) -> None:
    place.load(rows(ACTIONS, MONDAY, [("a", 1), ("b", 2)]))
    place.load(rows(ACTIONS, TUESDAY, [("a", 3), ("b", 4)]))
    place.load(rows(ACTIONS, "2026-11-22", [("b", 5)], forgotten={"a"}))
    assert held(place, ACTIONS) == [("b", 2, MONDAY), ("b", 4, TUESDAY), ("b", 5, "2026-11-22")]
    place.load(rows(ACTIONS, "2026-11-23", [], forgotten={"a", "b"}))
    assert held(place, ACTIONS) == []


def test_forgotten_customers_leave_a_table_of_keys_too(place: IcebergTarget) -> None:
    place.load(rows(CUSTOMERS, MONDAY, [player("a", 5), player("b", 5), player("z", 5)]))
    place.load(rows(CUSTOMERS, TUESDAY, [player("b", 6)], forgotten={"z"}))
    assert held(place, CUSTOMERS) == [(*player("a", 5), MONDAY), (*player("b", 6), TUESDAY)]


def test_the_receipt_is_that_of_the_last_load_of_a_partition(place: IcebergTarget) -> None:
    first, second = rows(BETS, MONDAY, [(1, "a", at(1))]), rows(BETS, MONDAY, [(1, "b", at(2))])
    assert place.receipt(BETS, MONDAY) is None
    place.load(first)
    assert place.receipt(BETS, MONDAY) == first.source
    place.load(second)
    place.load(rows(BETS, TUESDAY, [(2, "a", at(1))]))
    assert place.receipt(BETS, MONDAY) == second.source
    assert place.receipt(BETS, "2026-11-22") is None


def test_a_snapshot_carries_run_and_window_and_is_the_only_one_of_its_load(place: IcebergTarget) -> None:
    place.load(rows(BETS, MONDAY, [(1, "a", at(1)), (2, "a", at(1))]))
    made = rows(BETS, TUESDAY, [(1, "b", at(2))], run="run 7")
    place.load(made)
    with opened(place.settings, place.name, place.data_dir) as catalog:
        found = catalog.load_table("optimove.bets")
        snapshot = found.current_snapshot()
        assert len(found.snapshots()) == 2
        assert [field.name for field in found.spec().fields] == ["_partition"]
    assert snapshot is not None
    assert snapshot.summary is not None
    told = {key: value for key, value in snapshot.summary.additional_properties.items() if "optimove" in key}
    assert told == {
        "optimove.feed": "bets",
        "optimove.partition": TUESDAY,
        "optimove.source": made.source,
        "optimove.rows": "1",
        "optimove.run": "run 7",
        "optimove.window-start": "2026-11-20T00:00:00+00:00",
        "optimove.window-end": "2026-11-21T00:00:00+00:00",
    }


def test_a_table_gains_columns_before_the_stamp_and_keeps_those_it_has(place: IcebergTarget) -> None:
    wider = replace(BETS, columns=(*BETS.columns, TableColumn("Stake", pl.Decimal(18, 4))))
    place.load(rows(BETS, MONDAY, [(1, "a", at(1)), (2, "a", at(1))]))
    place.load(rows(wider, TUESDAY, [(2, "b", at(2), Decimal("2.5"))]))
    place.load(rows(BETS, "2026-11-22", [(3, "c", at(3))]))
    assert held(place, wider) == [
        (1, "a", at(1), None, MONDAY),
        (2, "b", at(2), Decimal("2.5000"), TUESDAY),
        (3, "c", at(3), None, "2026-11-22"),
    ]
    with opened(place.settings, place.name, place.data_dir) as catalog:
        names = [field.name for field in catalog.load_table("optimove.bets").schema().fields]
    assert names == ["Bet_ID", "Player_ID", "LastUpdated", "Stake", "_partition"]
    assert len([*place.data_dir.rglob("00000-*.metadata.json")]) == 1, "it was made once, and looked for afterwards"


def test_a_table_that_is_another_feeds_under_a_like_name_is_refused(place: IcebergTarget) -> None:
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    other = replace(GAMES, feed="games_of_others", name="GAMES")
    with pytest.raises(TargetError, match=r"optimove\.games: it is the table of games; give games_of_others a table"):
        place.load(rows(other, MONDAY, [("2", "Go")]))
    assert held(place, GAMES) == [("1", "Chess", MONDAY)]


def test_a_column_of_another_type_is_refused_and_nothing_changes(place: IcebergTarget) -> None:
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    other = replace(GAMES, columns=(GAMES.columns[0], TableColumn("Title", pl.Int64())))
    with pytest.raises(TargetError, match=r"Games\.Title: it is string at the target, and long by the contract"):
        place.load(rows(other, TUESDAY, [("1", 5)]))
    assert held(place, GAMES) == [("1", "Chess", MONDAY)]


def test_a_load_that_fails_leaves_all_as_it_was(place: IcebergTarget, tmp_path: Path) -> None:
    place.load(rows(BETS, MONDAY, [(1, "a", at(1)), (2, "a", at(1))]))
    before = {file.name for file in tmp_path.rglob("*.parquet")}
    arriving = rows(BETS, TUESDAY, [(2, "b", at(2))])
    yielded = iter([arriving.frames(), broken()])
    with pytest.raises(ContractError, match="too many digits"):
        place.load(replace(arriving, frames=lambda: next(yielded)))
    assert held(place, BETS) == [(1, "a", at(1), MONDAY), (2, "a", at(1), MONDAY)]
    assert {file.name for file in tmp_path.rglob("*.parquet")} == before, "what was written is removed"


def broken() -> Iterator[pl.DataFrame]:
    raise ContractError("a number has too many digits")
    yield
