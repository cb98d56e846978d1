"""Partitions in tables of PostgreSQL and MariaDB: what replaces what, and every value as it was."""

from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.table import Replace, Table, TableColumn
from optimove_pipeline_tests.targets.databases.engine import Engine
from optimove_pipeline_tests.targets.databases.feeds import (
    GAMES,
    MONDAY,
    PLAYERS,
    SENDS,
    TUESDAY,
    WEDNESDAY,
    partition,
    players,
    window_of,
    with_column,
)

TEXTS = [
    "plain", "", " ", "two\nlines", "tab\there", "a return\r", 'a "quote", a comma', "it's", "back\\slash", "\\",
    "\\N", "NULL", "'; --", "50% :name %(name)s", "Zoë 😀 日本", "\x1e\x1f", "trailing  ", None,
]  # fmt: skip


def test_newer_rows_replace_those_of_their_key_and_others_stay(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 2, 3)))
    engine.target.load(partition(PLAYERS, "2026-11-17", players(2, 4, alias="second", changed=TUESDAY)))
    assert engine.rows(PLAYERS) == [
        ("1", "first", MONDAY),
        ("2", "second", TUESDAY),
        ("3", "first", MONDAY),
        ("4", "second", TUESDAY),
    ]
    stamps = engine.query(f"SELECT _partition FROM {engine.named('_Customers')} ORDER BY {_quoted(engine)}")
    assert stamps == [("2026-11-16",), ("2026-11-17",), ("2026-11-16",), ("2026-11-17",)]


def _quoted(engine: Engine) -> str:
    return '"Player_ID"' if engine.kind == "postgres" else "Player_ID"


def test_a_day_that_is_loaded_late_replaces_nothing_that_is_newer(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-17", players(1, alias="newer", changed=TUESDAY)))
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 2, alias="older")))
    assert engine.rows(PLAYERS) == [("1", "newer", TUESDAY), ("2", "older", MONDAY)]
    assert engine.target.receipt(PLAYERS, "2026-11-16")


def test_of_two_rows_that_changed_at_one_moment_the_later_load_wins(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-17", players(1, alias="first")))
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, alias="second")))
    assert engine.rows(PLAYERS) == [("1", "second", MONDAY)]


def test_a_row_whose_change_is_unknown_gives_way(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", [("1", "unknown", None)]))
    engine.target.load(partition(PLAYERS, "2026-11-17", players(1, alias="known")))
    assert engine.rows(PLAYERS) == [("1", "known", MONDAY)]


def test_a_table_without_a_change_column_takes_the_later_load(engine: Engine) -> None:
    table = replace(PLAYERS, changed=None)
    engine.target.load(partition(table, "2026-11-17", players(1, 2, changed=TUESDAY)))
    engine.target.load(partition(table, "2026-11-16", players(1, alias="later")))
    assert engine.rows(table) == [("1", "later", MONDAY), ("2", "first", TUESDAY)]


def test_a_partition_of_a_report_is_replaced_whole_and_others_stay(engine: Engine) -> None:
    twice = [("2026-11-16", "a", 1), ("2026-11-16", "a", 1)]
    engine.target.load(partition(SENDS, "2026-11-16", [*twice, ("2026-11-16", "b", None)]))
    engine.target.load(partition(SENDS, "2026-11-17", [("2026-11-17", "a", 3)]))
    engine.target.load(partition(SENDS, "2026-11-16", [("2026-11-16", "c", 2)]))
    assert engine.rows(SENDS) == [("2026-11-16", "c", 2), ("2026-11-17", "a", 3)]


def test_a_snapshot_replaces_the_whole_table_unless_a_newer_one_is_there(engine: Engine) -> None:
    engine.target.load(partition(GAMES, "2026-11-17", [(1, "one"), (2, "two")]))
    engine.target.load(partition(GAMES, "2026-11-18", [(2, "deux"), (3, "trois")]))
    engine.target.load(partition(GAMES, "2026-11-16", [(9, "old")]))
    engine.target.load(partition(GAMES, "2026-11", [(8, "history")]))
    assert engine.rows(GAMES) == [(2, "deux"), (3, "trois")]
    assert engine.target.receipt(GAMES, "2026-11-16")
    engine.target.load(partition(GAMES, "2026-11-18", [(4, "quatre")]))
    assert engine.rows(GAMES) == [(4, "quatre")]


@pytest.mark.parametrize("local_infile", [1, 0])
def test_every_value_arrives_as_it_was(engine: Engine, local_infile: int) -> None:
    if engine.kind == "mysql":
        engine.run(f"SET GLOBAL local_infile = {local_infile}")
    table = Table(
        feed="values",
        name="Values",
        columns=(
            TableColumn("id", pl.Int64(), required=True),
            TableColumn("select", pl.String()),
            TableColumn("50% of it", pl.Decimal(18, 4)),
            TableColumn("Größe", pl.Decimal(38, 0)),
            TableColumn("flag", pl.Boolean()),
            TableColumn("day", pl.Date()),
            TableColumn("at", pl.Datetime("us")),
            TableColumn("share", pl.Float64()),
        ),
        key=("id",),
        unique=True,
        replace=Replace.KEYS,
    )
    numbers = (Decimal("-99999999999999.9999"), Decimal(2**63 + 5))
    last, first = map(datetime.fromisoformat, ("9999-12-31 23:59:59.999999", "1000-01-01 00:00:00.000001"))
    rows: list[tuple[Any, ...]] = [
        (number, text, *numbers, True, date(1969, 12, 31), last, 0.1) for number, text in enumerate(TEXTS)
    ]
    rows += [
        (-(2**63), "\u2028", Decimal("0.0001"), Decimal(-1), False, date(1, 1, 1), first, -1e300),
        (2**63 - 1, *[None] * 7),
    ]  # fmt: skip
    for _ in ("into an empty table", "by key"):
        engine.target.load(partition(table, "2026-11-16", rows, at_once=7))
        assert engine.rows(table) == sorted(rows)
    engine.target.load(partition(replace(table, replace=Replace.ALL), "2026-11-17", rows))
    assert engine.rows(table) == sorted(rows)


def test_keys_that_differ_by_case_or_blanks_alone_are_two(engine: Engine) -> None:
    names = ["a", "A", "a ", "ä", "a\u0301"]
    engine.target.load(partition(PLAYERS, "2026-11-16", [(name, name, MONDAY) for name in names]))
    assert sorted(row[0] for row in engine.rows(PLAYERS)) == sorted(names)


def test_a_partition_without_rows_leaves_a_receipt(engine: Engine) -> None:
    for table, rows in ((PLAYERS, players(1)), (SENDS, [("2026-11-16", "a", 1)])):
        engine.target.load(partition(table, "2026-11-16", rows))
        engine.target.load(partition(table, "2026-11-16", []))
        assert engine.target.receipt(table, "2026-11-16") == partition(table, "2026-11-16", []).source
    assert engine.rows(PLAYERS) == players(1)
    assert engine.rows(SENDS) == []


def test_the_same_rows_loaded_again_change_nothing(engine: Engine) -> None:
    for table, rows in (
        (PLAYERS, players(1, 2)),
        (SENDS, [("2026-11-16", "a", 1), ("2026-11-16", "a", 1)]),
        (GAMES, [(1, "one")]),
    ):
        engine.target.load(partition(table, "2026-11-16", rows))
        before = engine.rows(table)
        engine.target.load(partition(table, "2026-11-16", rows))
        assert engine.rows(table) == before


def test_rows_of_forgotten_customers_go_from_every_partition(engine: Engine) -> None:
    numbered = replace(
        PLAYERS, name="Numbered", columns=(TableColumn("Player_ID", pl.Int64(), required=True), *PLAYERS.columns[1:])
    )
    others = [str(number) for number in range(5000, 7500)]
    engine.target.load(partition(PLAYERS, "2026-11-16", [*players(1, 2), ("o'x\\", "odd", MONDAY)]))
    engine.target.load(partition(PLAYERS, "2026-11-17", players(3, changed=TUESDAY), ["o'x\\", "2", *others]))
    engine.target.load(partition(numbered, "2026-11-16", [(1, "one", MONDAY), (2, "two", MONDAY)]))
    engine.target.load(partition(numbered, "2026-11-17", [], ["2", "x", "٣", "01", *others]))
    engine.target.load(partition(SENDS, "2026-11-16", [("2026-11-16", "a", 1), ("2026-11-16", "b", 1)]))
    engine.target.load(partition(SENDS, "2026-11-17", [("2026-11-17", "c", 1)], ["b"]))
    engine.target.load(partition(GAMES, "2026-11-16", [(2, "two")], ["2"]))
    assert [row[0] for row in engine.rows(PLAYERS)] == ["1", "3"]
    assert [row[0] for row in engine.rows(numbered)] == [1]
    assert [row[1] for row in engine.rows(SENDS)] == ["a", "c"]
    assert engine.rows(GAMES) == [(2, "two")]


def test_a_table_gains_columns_at_its_end_and_rows_without_them_have_none(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 2)))
    wider = with_column(PLAYERS, "City", pl.String())
    engine.target.load(partition(wider, "2026-11-17", [("2", "second", TUESDAY, "Rome")]))
    assert engine.columns("Customers") == ["Player_ID", "Alias", "LastUpdated", "City"]
    engine.target.load(partition(PLAYERS, "2026-11-18", players(2, 3, alias="third", changed=WEDNESDAY)))
    assert engine.columns("Customers") == ["Player_ID", "Alias", "LastUpdated", "City"]
    assert engine.rows(PLAYERS) == [
        ("1", "first", MONDAY, None),
        ("2", "third", WEDNESDAY, None),
        ("3", "third", WEDNESDAY, None),
    ]


def test_the_receipt_tells_what_was_loaded_and_by_which_run(engine: Engine) -> None:
    rows = partition(PLAYERS, "2026-11-16", players(1, 2), window=window_of(MONDAY, TUESDAY))
    assert engine.target.receipt(PLAYERS, "2026-11-16") is None
    engine.target.load(rows)
    engine.target.load(partition(SENDS, "2026-11-16", []))
    first, second = engine.rows("_receipts")
    assert first[:7] == ("customers", "2026-11-16", rows.source, 2, "a run", MONDAY, TUESDAY)
    assert second[3:7] == (0, "a run", None, None)
    assert engine.target.receipt(PLAYERS, "2026-11-16") == rows.source
    assert engine.target.receipt(PLAYERS, "2026-11-17") is None


def test_a_changed_partition_leaves_one_receipt_with_its_new_source(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    changed = partition(PLAYERS, "2026-11-16", players(1, 2))
    engine.target.load(changed)
    assert [row[2] for row in engine.rows("_receipts")] == [changed.source]


def test_a_value_that_does_not_fit_is_refused_and_nothing_of_the_partition_stays(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    engine.run(_narrowed(engine))
    secret = string.ascii_letters
    for local_infile in (1, 0) if engine.kind == "mysql" else (1,):
        if engine.kind == "mysql":
            engine.run(f"SET GLOBAL local_infile = {local_infile}")
        for table in (PLAYERS, replace(PLAYERS, replace=Replace.ALL)):
            with pytest.raises(TargetError, match=r"target crm .*Customers: .*") as caught:
                engine.target.load(partition(table, "2026-11-17", [*players(2), ("3", secret, TUESDAY)]))
            assert secret not in str(caught.value)
        assert engine.rows(PLAYERS) == players(1)
        assert engine.target.receipt(PLAYERS, "2026-11-17") is None


def _narrowed(engine: Engine) -> str:
    if engine.kind == "postgres":
        return 'ALTER TABLE optimove."_Customers" ADD CONSTRAINT narrow CHECK (length("Alias") < 10)'
    return "ALTER TABLE optimove._Customers MODIFY Alias varchar(10) COLLATE utf8mb4_nopad_bin"


def test_two_rows_of_one_key_are_refused_without_their_values(engine: Engine) -> None:
    table = replace(PLAYERS, replace=Replace.ALL)
    engine.target.load(partition(table, "2026-11-16", players(1)))
    for key in ("777", "ERROR: 777", "7\n777", "7 near 777", "DETAIL: 777' for key"):
        with pytest.raises(TargetError) as caught:
            engine.target.load(partition(table, "2026-11-17", [(key, "twice", MONDAY)] * 2))
        assert "7" not in str(caught.value).partition("optimove): ")[2].replace("1062", "")
    assert engine.rows(table) == players(1)


def test_values_of_another_kind_or_with_more_places_are_refused_where_they_do_not_fit(engine: Engine) -> None:
    columns = {"Flag": pl.String(), "Moment": pl.Datetime("us"), "Amount": pl.Decimal(18, 4)}
    changes = {"Flag": pl.Boolean(), "Moment": pl.Int64(), "Amount": pl.Decimal(20, 6)}
    value: tuple[Any, ...] = (1, "Yes", MONDAY, Decimal("1.2345"))
    engine.target.load(partition(_table_with(columns), "2026-11-16", [value]))
    for name, dtype in changes.items():
        changed = _table_with(columns | {name: dtype})
        with pytest.raises(TargetError, match=rf"target crm .*: Changing: column {name} of _Changing .*alter it"):
            engine.target.load(partition(changed, "2026-11-17", []))
    engine.target.load(partition(_table_with(columns | {"Amount": pl.Decimal(12, 2)}), "2026-11-17", []))
    assert engine.target.receipt(_table_with(columns), "2026-11-17") is not None


def _table_with(columns: dict[str, pl.DataType]) -> Table:
    named = (TableColumn(name, dtype) for name, dtype in columns.items())
    key = TableColumn("id", pl.Int64(), required=True)
    return Table(
        feed="changing", name="Changing", columns=(key, *named), key=("id",), unique=True, replace=Replace.KEYS
    )


def test_two_feeds_are_loaded_at_once_into_an_empty_database(engine: Engine) -> None:
    target = engine.target
    some = [partition(PLAYERS, "2026-11-16", players(*range(500))), partition(GAMES, "2026-11-16", [(1, "one")])]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(target.load, some))
    assert len(engine.rows(PLAYERS)) == 500
    assert len(engine.rows(GAMES)) == 1
    assert len(engine.rows("_receipts")) == 2


def test_two_days_of_a_feed_at_once_are_both_there(engine: Engine) -> None:
    target = engine.target
    days = [partition(PLAYERS, f"2026-11-{day}", players(*range(day, day + 300))) for day in (16, 17)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(target.load, days))
    assert len(engine.rows(PLAYERS)) == 301


def test_an_index_that_was_lost_is_made_again(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    if engine.kind == "postgres":
        drop = 'DROP INDEX optimove."_Customers_changed"'
        look = "SELECT indexdef FROM pg_indexes WHERE indexname = '_Customers_changed'"
    else:
        drop = "DROP INDEX _Customers_changed ON optimove._Customers"
        look = "SHOW INDEX FROM optimove._Customers WHERE Key_name = '_Customers_changed'"
    engine.run(drop)
    assert engine.query(look) == []
    engine.target.load(partition(PLAYERS, "2026-11-17", players(2)))
    assert "LastUpdated" in str(engine.query(look)[0])
