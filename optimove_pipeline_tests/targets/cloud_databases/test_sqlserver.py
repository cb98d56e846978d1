"""SQL Server on a stub: Microsoft's own driver on the wire, DuckDB behind it; what is lost, refused or secret."""

from __future__ import annotations

import logging
from dataclasses import replace

import polars as pl
import pytest

from optimove_pipeline.targets.connecting import Who
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.table import TableColumn
from optimove_pipeline_tests.servers.sqlserver import LOADER, SqlError, SqlServer
from optimove_pipeline_tests.servers.wire import wire
from optimove_pipeline_tests.targets.cloud_databases.engine import Engine
from optimove_pipeline_tests.targets.databases.feeds import GAMES, MONDAY, PLAYERS, partition, players

DAY = "2026-11-20"
FAILURE = SqlError(8115, "Arithmetic overflow error converting expression to data type nvarchar.")
DEADLOCK = SqlError(1205, "Transaction was deadlocked on lock resources and has been chosen as the victim.")


def stub_of(sqlserver: Engine) -> SqlServer:
    assert isinstance(sqlserver.server, SqlServer)
    return sqlserver.server


@pytest.mark.parametrize("statement", ["DELETE FROM [optimove].[_Customers]", "INSERT INTO [optimove]._receipts"])
def test_a_load_that_fails_at_the_stub_leaves_all_as_it_was(sqlserver: Engine, statement: str) -> None:
    sqlserver.target.load(partition(PLAYERS, DAY, players(1, alias="before")))
    before = sqlserver.seen("Customers"), sqlserver.receipts()
    stub_of(sqlserver).fails[statement] = FAILURE
    with pytest.raises(TargetError, match=r"load Customers: .*Arithmetic overflow"):
        sqlserver.target.load(partition(PLAYERS, DAY, players(1, 2, alias="after")))
    assert (sqlserver.seen("Customers"), sqlserver.receipts()) == before
    stub_of(sqlserver).fails.clear()
    sqlserver.target.load(partition(PLAYERS, DAY, players(1, 2, alias="after")))
    assert sqlserver.seen("Customers") == players(1, 2, alias="after")


@pytest.mark.parametrize(
    "said",
    [
        "Violation of PRIMARY KEY constraint 'k'. The duplicate key value is (secret\nsecret).",
        "String or binary data would be truncated in table 't', column 'c'. Truncated value: 'secret'.",
        "Conversion failed when converting the nvarchar value 'secret' to data type int.",
    ],
)
def test_an_error_of_the_stub_that_quotes_a_row_is_told_without_its_values(sqlserver: Engine, said: str) -> None:
    stub_of(sqlserver).fails["INSERT INTO [optimove].[_Customers]"] = SqlError(2627, said)
    with pytest.raises(TargetError, match=r"load Customers: .*(Violation|truncated in table|Conversion)") as told:
        sqlserver.target.load(partition(PLAYERS, DAY, players(1)))
    assert "secret" not in str(told.value)


def test_a_table_with_a_dot_in_its_name_keeps_its_indexes_at_the_stub(sqlserver: Engine) -> None:
    dotted = replace(PLAYERS, name="Acme.Customers")
    for number in (1, 2):
        sqlserver.target.load(partition(dotted, DAY, players(number)))
    assert sqlserver.seen("Acme.Customers") == players(1, 2)


def test_values_of_another_kind_are_refused_by_what_the_stub_tells_of_its_columns(sqlserver: Engine) -> None:
    sqlserver.target.load(partition(PLAYERS, DAY, players(1)))
    changed = replace(PLAYERS, columns=(PLAYERS.columns[0], TableColumn("Alias", pl.Boolean()), PLAYERS.columns[2]))
    with pytest.raises(TargetError, match=r"column Alias of _Customers holds text .* has flags now"):
        sqlserver.target.load(partition(changed, DAY, []))


def test_a_deadlock_at_the_stub_is_worth_another_try(sqlserver: Engine) -> None:
    stub_of(sqlserver).fails["INSERT INTO [optimove].[_Customers]"] = DEADLOCK
    with pytest.raises(UnreachableError, match="deadlocked"):
        sqlserver.target.load(partition(PLAYERS, DAY, players(1)))


def test_a_connection_to_the_stub_that_breaks_in_the_middle_leaves_nothing(sqlserver: Engine) -> None:
    rows = partition(PLAYERS, DAY, [(str(number), "x" * 200, MONDAY) for number in range(2_000)])
    with wire(stub_of(sqlserver).port, cuts=1, cut_after=100_000) as cut:
        through = sqlserver.with_settings(port=cut.port)
        with pytest.raises(UnreachableError, match="stage Customers"):
            through.target.load(rows)
        assert sqlserver.receipts() == []
        through.target.load(rows)
    assert len(sqlserver.seen("Customers")) == 2_000


def test_a_wrong_password_is_refused_by_the_stub_and_not_shown(
    sqlserver: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADER_PASSWORD", "wr0ng")
    with pytest.raises(
        LoginError, match=f"log in as {LOADER}: the login is refused; check user and password"
    ) as told:
        sqlserver.target.receipt(PLAYERS, DAY)
    assert "wr0ng" not in str(told.value)


def test_the_reader_of_the_stub_reads_views_and_nothing_else_once_it_is_connected(sqlserver: Engine) -> None:
    tables = [PLAYERS, GAMES]
    before = sqlserver.target.check(tables)
    assert [(step.step, step.passed) for step in before] == [
        ("log in to load", True),
        ("log in as the reader", False),
    ]
    assert "`optimove-pipeline connect crm`" in before[-1].fix
    for _ in range(2):
        done = [step.title for step in sqlserver.target.connect(tables)]
        assert done == [step.title for step in sqlserver.settings.steps("crm", tables) if step.who is Who.PROGRAM]
    sqlserver.target.load(partition(PLAYERS, DAY, players(1)))
    after = sqlserver.target.check(tables)
    assert all(step.passed for step in after), after
    assert f"read Customers: 1 rows up to {MONDAY}" in [step.step for step in after]


def test_a_reader_of_the_stub_that_may_see_a_table_fails_the_check(sqlserver: Engine) -> None:
    list(sqlserver.target.connect([PLAYERS]))
    stub_of(sqlserver).grants.add(("optimove_reader", "optimove", "_Customers"))
    last = sqlserver.target.check([PLAYERS])[-1]
    assert not last.passed
    assert "it may read _Customers, and must not" in last.fix


@pytest.mark.parametrize("contained", [True, False])
def test_the_readers_password_reaches_the_stub_and_nothing_else(
    sqlserver: Engine, caplog: pytest.LogCaptureFixture, contained: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    own = sqlserver.with_settings(contained=contained)
    shown = [step.text for step in own.target.connect([PLAYERS])]
    assert stub_of(sqlserver).passwords["optimove_reader"] == "r;ead'er}"
    assert any("N'${READER_PASSWORD}'" in text for text in shown)
    assert "r;ead" not in "\n".join([*shown, caplog.text])


def test_an_error_of_the_stub_that_quotes_the_readers_password_is_reworded(sqlserver: Engine) -> None:
    stub_of(sqlserver).fails["CREATE USER"] = SqlError(15118, "The password N'r;ead''er}' is not complex enough.")
    with pytest.raises(TargetError, match="user optimove_reader") as told:
        list(sqlserver.target.connect([PLAYERS]))
    assert "r;ead" not in str(told.value)
