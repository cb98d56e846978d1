"""Loading into SQL Server (on a stub of its wire) and BigQuery (on an emulator): what the receiver then sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from optimove_pipeline.targets.errors import UnreachableError
from optimove_pipeline.targets.table import Replace, Table, TableColumn
from optimove_pipeline_tests.servers.starting import free_port
from optimove_pipeline_tests.targets.cloud_databases.engine import Engine
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

DAY = "2026-11-20"
EVERYTHING = Table(
    feed="everything",
    name="Everything",
    columns=(
        TableColumn("order", pl.Int64(), required=True),
        TableColumn("Text", pl.String()),
        TableColumn("Amount", pl.Decimal(18, 4)),
        TableColumn("Wide", pl.Decimal(29, 0)),
        TableColumn("Flag", pl.Boolean()),
        TableColumn("Day", pl.Date()),
        TableColumn("Moment", pl.Datetime("us")),
    ),
    key=("order",),
    unique=True,
    replace=Replace.PARTITION,
)
VALUES: list[tuple[object, ...]] = [
    (
        1,
        "Zoë, 日本 🎲 'x' \"y\" \\z",
        Decimal("-12345678901234.5678"),
        Decimal(10**28),
        True,
        date(1969, 12, 31),
        MONDAY,
    ),
    (2, "a\r\nb\tc;--", Decimal("0.0001"), Decimal(-1), False, date(9999, 12, 31), datetime(1900, 1, 1)),
    (3, "", None, None, None, None, None),
    (4, None, Decimal(0), Decimal(0), None, date(2024, 2, 29), datetime(2026, 11, 20, 23, 59, 59, 999999)),
]


def test_values_arrive_exactly_in_the_agreed_order(engine: Engine) -> None:
    engine.target.load(partition(EVERYTHING, DAY, VALUES))
    assert engine.seen("Everything") == VALUES


def test_the_newest_change_of_a_key_wins_and_of_equal_ones_the_last_loaded(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-17", players(1, 2, 3, alias="first", changed=TUESDAY)))
    second = [("1", "old", MONDAY), ("2", "equal", TUESDAY), ("3", "newer", WEDNESDAY), ("4", "new", MONDAY)]
    engine.target.load(partition(PLAYERS, DAY, second))
    assert engine.seen("Customers") == [("1", "first", TUESDAY), *second[1:]]


def test_a_day_of_a_report_replaces_its_own_rows_alone(engine: Engine) -> None:
    for day, rows in (
        ("2026-11-19", [("2026-11-19", "1", 7)]),
        (DAY, [(DAY, "1", 7), (DAY, "1", 7)]),
        (DAY, [(DAY, "2", 8)]),
    ):
        engine.target.load(partition(SENDS, day, rows))
    assert engine.seen("Customers_By_Action") == [("2026-11-19", "1", 7), (DAY, "2", 8)]
    engine.target.load(partition(SENDS, DAY, []))
    assert engine.seen("Customers_By_Action") == [("2026-11-19", "1", 7)]
    assert [receipt[3] for receipt in engine.receipts()] == [1, 0]


def test_a_whole_table_that_is_older_is_recorded_and_changes_nothing(engine: Engine) -> None:
    engine.target.load(partition(GAMES, "2026-11-20", [(1, "Mines"), (2, "Dice")]))
    engine.target.load(partition(GAMES, "2026-10", [(3, "Gone")]))
    assert engine.seen("Game_Types") == [(1, "Mines"), (2, "Dice")]
    assert [receipt[1] for receipt in engine.receipts()] == ["2026-10", "2026-11-20"]
    engine.target.load(partition(GAMES, "2026-11-21", [(2, "Dice II")]))
    assert engine.seen("Game_Types") == [(2, "Dice II")]


def test_a_receipt_tells_what_is_there_and_the_same_again_changes_nothing(engine: Engine) -> None:
    target, rows = engine.target, partition(PLAYERS, DAY, players(1), window=window_of(MONDAY, TUESDAY))
    assert target.receipt(PLAYERS, DAY) is None
    target.load(rows)
    target.load(rows)
    assert target.receipt(PLAYERS, DAY) == rows.source
    assert target.receipt(PLAYERS, "2026-11-19") is None
    assert target.receipt(GAMES, DAY) is None
    assert engine.seen("Customers") == players(1)
    assert engine.receipts() == [("customers", DAY, rows.source, 1)]


def test_rows_of_forgotten_customers_go_from_every_partition(engine: Engine) -> None:
    engine.target.load(partition(SENDS, "2026-11-19", [("2026-11-19", "o'1", 7), ("2026-11-19", "2", 7)]))
    engine.target.load(partition(SENDS, DAY, [(DAY, "2", 7)], forgotten=["o'1", "unknown"]))
    assert engine.seen("Customers_By_Action") == [("2026-11-19", "2", 7), (DAY, "2", 7)]


def test_a_column_more_comes_last_and_is_null_where_a_partition_lacks_it(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-19", players(1)))
    wider = with_column(PLAYERS, "Country", pl.String())
    engine.target.load(partition(wider, DAY, [(*players(2)[0], "DE")]))
    engine.target.load(partition(PLAYERS, "2026-11-21", players(3)))
    assert engine.seen("Customers") == [(*players(1)[0], None), (*players(2)[0], "DE"), (*players(3)[0], None)]


def test_many_frames_are_one_partition_at_sql_server_on_a_stub(sqlserver: Engine) -> None:
    many = [(str(number), "x" * (number % 300), MONDAY + timedelta(seconds=number)) for number in range(3_000)]
    sqlserver.target.load(partition(PLAYERS, DAY, many, at_once=700))
    assert sqlserver.seen("Customers") == sorted(many)


def test_two_feeds_are_loaded_at_once_into_an_empty_place(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        loads = [
            pool.submit(engine.target.load, rows)
            for rows in (partition(PLAYERS, DAY, players(1)), partition(GAMES, DAY, [(1, "Mines")]))
        ]
        for load in loads:
            load.result()
    assert engine.seen("Customers") == players(1)
    assert engine.seen("Game_Types") == [(1, "Mines")]
    assert len(engine.receipts()) == 2


def test_a_server_that_is_away_is_worth_another_try(engine: Engine) -> None:
    port = free_port()
    away = {"endpoint": f"http://127.0.0.1:{port}", "port": port, "timeout_seconds": 1.0}
    fields = type(engine.settings).model_fields
    gone = engine.with_settings(**{name: value for name, value in away.items() if name in fields})
    with pytest.raises(UnreachableError, match="target dwh"):
        gone.target.load(partition(PLAYERS, DAY, players(1)))
