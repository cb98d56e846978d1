"""Loading into SQL Server, on a stub, and BigQuery, on an emulator: what the receiver then sees, and may do.

The front of the emulator knows of accounts, rights and the ids of jobs as Google publishes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from optimove_pipeline.commands.check_places import check_targets
from optimove_pipeline.commands.findings import Outcome
from optimove_pipeline.config import load_settings
from optimove_pipeline.errors import ContractError, SettingsError
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Who
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Replace, Table, TableColumn
from optimove_pipeline_tests.assets.casino import casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.servers.bigquery import PROJECT, READER, BigQuery
from optimove_pipeline_tests.servers.starting import free_port
from optimove_pipeline_tests.targets.cloud_databases.engine import Engine, anonymous
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
from optimove_pipeline_tests.targets.databases.loading import NUMBERS, load_players, stopped_load, the_players

DAY = "2026-11-20"
CONFLICT = (400, "Transaction is aborted due to concurrent update against table acme-crm:t._Customers")
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
EARLY, LATE = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2026-11-20 23:59:59.999999")
VALUES: list[tuple[object, ...]] = [
    (
        1,
        "Zoë, 日 🎲 'x' \"y\" \\z",
        Decimal("-12345678901234.5678"),
        Decimal(10**28),
        True,
        date(1969, 12, 31),
        MONDAY,
    ),
    (2, "a\r\nb\tc;--", Decimal("0.0001"), Decimal(-1), False, date(9999, 12, 31), EARLY),
    (3, "", None, None, None, None, None),
    (4, None, Decimal(0), Decimal(0), None, date(2024, 2, 29), MONDAY),
]


def test_values_arrive_exactly_in_the_agreed_order(engine: Engine) -> None:
    engine.target.load(partition(EVERYTHING, DAY, VALUES))
    assert engine.seen("Everything") == VALUES


def test_the_newest_change_of_a_key_wins_and_of_equal_ones_the_last_loaded_and_receipts_tell_of_it(
    engine: Engine,
) -> None:
    target = engine.target
    assert target.receipt(PLAYERS, DAY) is None
    first = partition(PLAYERS, "2026-11-17", players(1, 2, 3, alias="first", changed=TUESDAY))
    target.load(first)
    values = [("1", "old", MONDAY), ("2", "equal", TUESDAY), ("3", "newer", WEDNESDAY), ("4", "new", MONDAY)]
    second = partition(PLAYERS, DAY, values, window=window_of(MONDAY, TUESDAY))
    for _ in ("first", "again"):
        target.load(second)
        assert engine.seen("Customers") == [("1", "first", TUESDAY), *values[1:]]
        assert engine.receipts() == [
            ("customers", "2026-11-17", first.source, 3),
            ("customers", DAY, second.source, 4),
        ]
    assert target.receipt(PLAYERS, DAY) == second.source
    assert target.receipt(PLAYERS, "2026-11-19") is None
    assert target.receipt(GAMES, DAY) is None


def test_a_day_of_a_report_replaces_its_own_rows_alone_and_forgotten_customers_go_from_every_day(
    engine: Engine,
) -> None:
    before = [("2026-11-19", "1", 7), ("2026-11-19", "o'4711", 7)]
    for day, rows in (("2026-11-19", before), (DAY, [(DAY, "1", 7), (DAY, "1", 7)]), (DAY, [(DAY, "2", 8)])):
        engine.target.load(partition(SENDS, day, rows))
    assert engine.seen("Customers_By_Action") == [*before, (DAY, "2", 8)]
    engine.target.load(partition(SENDS, DAY, [], forgotten=["o'4711", "unknown"]))
    assert engine.seen("Customers_By_Action") == before[:1]
    assert [receipt[3] for receipt in engine.receipts()] == [2, 0]
    if isinstance(engine.server, BigQuery):
        # It keeps all statements in its history.
        assert "4711" not in "\n".join(engine.server.said)


def test_a_whole_table_replaces_all_rows_but_those_of_a_newer_one(engine: Engine) -> None:
    engine.target.load(partition(GAMES, "2026-11-19", [(3, "Old")]))
    engine.target.load(partition(GAMES, "2026-11-20", [(1, "Mines"), (2, "Dice")]))
    engine.target.load(partition(GAMES, "2026-10", [(3, "Gone")]))
    assert engine.seen("Game_Types") == [(1, "Mines"), (2, "Dice")]
    assert [receipt[1] for receipt in engine.receipts()] == ["2026-10", "2026-11-19", "2026-11-20"]


def test_rows_that_can_not_be_had_leave_nothing_behind(engine: Engine) -> None:
    whole = partition(PLAYERS, DAY, players(1, 2), at_once=1)

    def frames() -> Iterator[pl.DataFrame]:
        yield from whole.frames()
        raise ContractError("a number of customers has too many digits")

    with pytest.raises(ContractError, match="too many digits"):
        engine.target.load(replace(whole, frames=frames))
    assert engine.seen("Customers") == engine.receipts() == []


def test_a_process_killed_before_it_recorded_its_load_does_not_load_twice(engine: Engine, tmp_path: Path) -> None:
    with stopped_load(engine.settings, tmp_path, "before it records"):
        pass
    before = engine.seen("Customers")
    assert len(before) == len(NUMBERS)
    done = load_players(the_players(), engine.target, tmp_path, "next")
    assert (done.sent, done.rows) == (0, len(NUMBERS))
    assert engine.seen("Customers") == before


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


def test_two_feeds_are_loaded_at_once_into_an_empty_sql_server_on_a_stub(sqlserver: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        loads = [
            pool.submit(sqlserver.target.load, rows)
            for rows in (partition(PLAYERS, DAY, players(1)), partition(GAMES, DAY, [(1, "Mines")]))
        ]
        for load in loads:
            load.result()
    assert sqlserver.seen("Customers") == players(1)
    assert sqlserver.seen("Game_Types") == [(1, "Mines")]
    assert len(sqlserver.receipts()) == 2


def test_a_data_set_goes_through_dagster_to_both_and_is_read_as_optimove_would(
    sqlserver: Engine, bigquery: Engine, tmp_path: Path
) -> None:
    both = {"crm": sqlserver, "warehouse": bigquery}
    place = without_history(casino(tmp_path, select=["customers"], overlap_hours=24))
    document = yaml.safe_load((tmp_path / "optimove.yaml").read_text())
    document["targets"] = {name: engine.settings.model_dump(mode="json") for name, engine in both.items()}
    document["delivery"]["datasets"] = [*both]
    (tmp_path / "optimove.yaml").write_text(yaml.safe_dump(document))
    connected = [("connect", name, "--apply") for name in both]
    for arguments in (*connected, ("deliver", "--from", "2020-03-01", "--to", "2020-03-01")):
        ended = command(place, *arguments)
        assert ended.exit_code == 0, ended.output
    for engine in both.values():
        assert [row[0] for row in engine.seen("Customers")] == ["59", "60"]
    for found in check_targets(load_settings(place.environment)):
        assert found.outcome is Outcome.PASS, found.text


def test_a_server_that_is_away_is_worth_another_try(engine: Engine) -> None:
    port = free_port()
    away = {"endpoint": f"http://127.0.0.1:{port}", "port": port, "timeout_seconds": 1.0}
    fields = type(engine.settings).model_fields
    gone = engine.with_settings(**{name: value for name, value in away.items() if name in fields})
    with pytest.raises(UnreachableError, match="target crm"):
        gone.target.load(partition(PLAYERS, DAY, players(1)))


def loads(server: BigQuery) -> list[str]:
    """Return the ids of the load jobs."""
    return [name for name in server.jobs if name.startswith("optimove-")]


def server_of(bigquery: Engine) -> BigQuery:
    assert isinstance(bigquery.server, BigQuery)
    return bigquery.server


def datasets_of(bigquery: Engine) -> BigQueryTargetSettings:
    assert isinstance(bigquery.settings, BigQueryTargetSettings)
    return bigquery.settings


def test_rows_that_a_load_job_brought_before_are_not_sent_again(bigquery: Engine) -> None:
    server, rows = server_of(bigquery), partition(PLAYERS, DAY, players(1, 2))
    server.fails["BEGIN TRANSACTION"] = CONFLICT
    with pytest.raises(UnreachableError, match="concurrent update"):
        bigquery.target.load(rows)
    assert bigquery.seen("Customers") == []
    assert bigquery.receipts() == []
    bigquery.target.load(rows)
    assert bigquery.seen("Customers") == players(1, 2)
    (job,) = loads(server)
    with anonymous(server) as client:
        assert [*client.list_tables(f"{PROJECT}.{datasets_of(bigquery).stage_dataset}")] == []
    bigquery.target.load(rows)
    assert loads(server) == [job, f"{job[:-1]}2"]


def test_the_reader_reads_views_and_nothing_else_once_it_is_connected(bigquery: Engine) -> None:
    tables = [PLAYERS, GAMES]
    first = bigquery.target.check(tables)
    assert [(step.step, step.passed) for step in first] == [("connect", True), ("read the views", False)]
    assert "`optimove-pipeline connect crm --apply` sets up what is missing" in first[-1].fix
    for _ in range(2):
        done = [step.title for step in bigquery.target.connect(tables)]
        assert done == [step.title for step in bigquery.settings.steps("crm", tables) if step.who is Who.PROGRAM]
    *read, tables_refused, write_refused = _passed(bigquery.target.check(tables))
    assert read == ["connect", "read the views"]
    assert (tables_refused, write_refused) == ("be refused the tables", "be refused a write")
    (entry,) = server_of(bigquery).access[datasets_of(bigquery).dataset][-1:]
    assert entry == {"role": "READER", "userByEmail": READER}

    server_of(bigquery).roles[READER] = {datasets_of(bigquery).tables_dataset}
    last = bigquery.target.check(tables)[-1]
    assert not last.passed
    assert "may read _Customers: take its roles on acme-crm and optimove" in last.fix

    without_key = bigquery.with_settings(reader_account=None).target
    assert _passed(without_key.check(tables)) == ["connect", "read the views", "look at the reader's right"]
    another = bigquery.with_settings(reader_account=None, reader="another@acme-crm.iam.gserviceaccount.com").target
    assert "another@acme-crm.iam.gserviceaccount.com may not read" in another.check(tables)[-1].fix


def test_an_account_that_google_does_not_know_is_refused(bigquery: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    account: dict[str, Any] = json.loads(server_of(bigquery).account("gone@acme.iam.gserviceaccount.com"))
    monkeypatch.setenv("LOADER_ACCOUNT", json.dumps(account))
    with pytest.raises(LoginError, match="the account is refused") as refused:
        bigquery.target.receipt(PLAYERS, DAY)
    assert account["private_key"][40:80] not in str(refused.value)


@pytest.mark.parametrize("text", ["{not json", "[]", "{}"])
def test_what_is_no_service_account_is_named_and_not_shown(
    bigquery: Engine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LOADER_ACCOUNT", text)
    with pytest.raises(SettingsError, match=r"\$\{LOADER_ACCOUNT\} holds no JSON of a service account$"):
        bigquery.target.receipt(PLAYERS, DAY)


def test_a_refused_statement_is_told_with_what_bigquery_says(bigquery: Engine) -> None:
    server_of(bigquery).fails["CREATE SCHEMA"] = (400, "Location XX does not exist")
    with pytest.raises(TargetError, match=r"target crm .*Location XX does not exist"):
        bigquery.target.load(partition(PLAYERS, DAY, players(1)))


def _passed(steps: Sequence[Checked]) -> list[str]:
    assert all(step.passed for step in steps), steps
    return [step.step for step in steps]
