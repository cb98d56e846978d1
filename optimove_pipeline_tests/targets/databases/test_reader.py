"""Optimove's login: what it may do after ``connect``, and what the check says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pymysql
import pytest

from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline_tests.targets.databases.engine import READER, SECRETS, Engine, mysql_settings
from optimove_pipeline_tests.targets.databases.feeds import GAMES, MONDAY, PLAYERS, SENDS, partition, players

TABLES = (PLAYERS, SENDS, GAMES)
ERRORS = (psycopg.Error, pymysql.MySQLError)


def connect(engine: Engine) -> list[Step]:
    return list(engine.target.connect(TABLES))


def test_the_reader_reads_the_views_and_is_refused_all_else(engine: Engine) -> None:
    connect(engine)
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 2)))
    with engine.login(READER, SECRETS["READER_PASSWORD"]) as reader, reader.cursor() as cursor:
        view, rows = engine.named("Customers"), engine.named("_Customers")
        cursor.execute(f"SELECT * FROM {view}")
        assert list(map(tuple, cursor.fetchall())) == players(1, 2)
        if engine.kind == "postgres":
            cursor.execute("SET default_transaction_read_only = off")
        for statement in (
            f"SELECT * FROM {rows}",
            f"SELECT * FROM {engine.named('_receipts')}",
            f"INSERT INTO {view} SELECT * FROM {view}",
            f"DELETE FROM {view}",
            f"DROP VIEW {view}",
            f"CREATE TABLE {engine.named('mine')} (id int)",
        ):
            with pytest.raises(ERRORS, match=r"denied|must be owner"):
                cursor.execute(statement)
    assert engine.rows(PLAYERS) == players(1, 2)


def test_the_reader_may_not_log_in_without_tls_nor_from_elsewhere(engine: Engine) -> None:
    connect(engine)
    with pytest.raises(ERRORS):
        engine.login(READER, SECRETS["READER_PASSWORD"], tls=False)
    if engine.kind == "mysql":
        hosts = engine.query(f"SELECT host FROM mysql.user WHERE user = '{READER}' ORDER BY 1")
        assert hosts == [("127.0.0.1",), ("198.51.100.0/255.255.255.0",)]


def test_the_readers_statements_end_after_their_time(engine: Engine) -> None:
    engine = engine.with_settings(reader_timeout_seconds=1)
    connect(engine)
    with engine.login(READER, SECRETS["READER_PASSWORD"]) as reader, reader.cursor() as cursor:
        sleep = "SELECT pg_sleep(20)" if engine.kind == "postgres" else "SELECT SLEEP(20)"
        with pytest.raises(ERRORS, match=r"timeout|max_statement_time"):
            cursor.execute(sleep)


def test_connecting_again_changes_nothing_but_the_password(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = connect(engine)
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    monkeypatch.setenv("READER_PASSWORD", "another")
    again = connect(engine)
    assert [step.title for step in again] == [step.title for step in first]
    assert [step.text for step in again if "make table" in step.title] == [""] * len(TABLES)
    assert engine.rows(PLAYERS) == players(1)
    assert all(step.passed for step in engine.target.check(TABLES))
    with pytest.raises(ERRORS):
        engine.login(READER, SECRETS["READER_PASSWORD"])


def test_the_steps_show_what_connect_does_and_no_secret(engine: Engine) -> None:
    shown = engine.settings.steps("crm", TABLES)
    done = connect(engine)
    by_program = [step for step in shown if step.who is Who.PROGRAM]
    assert [step.title for step in done] == [step.title for step in by_program]
    assert [_alike(step.text) for step in done] == [_alike(step.text) for step in by_program]
    told = "\n".join(f"{step.title}\n{step.text}" for step in (*shown, *done))
    assert not [secret for secret in SECRETS.values() if secret in told]
    assert {"${LOADER_PASSWORD}", "${READER_PASSWORD}"} <= set(re.findall(r"\$\{\w+\}", told))
    assert "SCRAM" not in told
    assert {Who.OPTIMOVE, Who.COMPANY, Who.PROGRAM} == {step.who for step in shown}
    assert "198.51.100.0/24" in told
    assert "view Customers: key Player_ID, changes by LastUpdated" in told


def _alike(text: str) -> str:
    """Return a statement without what MariaDB has otherwise than MySQL."""
    return text.replace("utf8mb4_nopad_bin", "utf8mb4_0900_bin").replace(" WITH MAX_STATEMENT_TIME 3600", "")


def test_the_check_reads_each_view_as_optimove_and_is_refused_to_write(engine: Engine) -> None:
    connect(engine)
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 2)))
    steps = engine.target.check(TABLES)
    assert {step.fix for step in steps} == {""}
    assert [step.step for step in steps] == [
        "log in to load",
        "log in as the reader",
        f"read Customers: 2 rows up to {MONDAY}",
        "read Customers_By_Action: 0 rows",
        "read Game_Types: 0 rows",
        *(f"be refused to write {table.name}" for table in TABLES),
        "be refused without TLS",
    ]


def failure(steps: Sequence[Checked]) -> tuple[str, str]:
    """Return the one step that failed, the last."""
    *passed, last = steps
    assert all(step.passed for step in passed)
    assert not last.passed
    return last.step, last.fix


def test_the_check_of_a_database_that_is_not_set_up_says_how_to_do_it(engine: Engine) -> None:
    step, fix = failure(engine.target.check(TABLES))
    assert step == "log in as the reader"
    assert "optimove-pipeline connect crm" in fix
    list(engine.target.connect([PLAYERS]))
    step, fix = failure(engine.target.check(TABLES))
    assert step == "read Customers_By_Action"
    assert "optimove-pipeline connect crm" in fix
    assert "--apply" in fix


@pytest.mark.parametrize("table", [PLAYERS.name, f"_{PLAYERS.name}"])
def test_a_reader_that_may_do_more_fails_the_check(engine: Engine, table: str) -> None:
    connect(engine)
    right = "INSERT" if table == PLAYERS.name else "SELECT"
    to = READER if engine.kind == "postgres" else f"'{READER}'@'127.0.0.1'"
    engine.run(f"GRANT {right} ON {engine.named(table)} TO {to}")
    step, fix = failure(engine.target.check(TABLES))
    assert step == "be refused to write Customers"
    assert "must not" in fix
    assert table in fix
    assert engine.rows(PLAYERS) == []


def test_a_reader_that_may_come_without_tls_fails_the_check(engine: Engine) -> None:
    if engine.kind == "postgres":
        # The rules of the server let the administrator in without.
        engine = replace(engine, settings=engine.settings.model_copy(update={"reader": "postgres"}))
        steps = engine.target.check([])
    else:
        list(engine.with_settings(reader_tls=False).target.connect(TABLES))
        steps = engine.target.check(TABLES)
    step, fix = failure(steps)
    assert (step, "without TLS" in fix) == ("be refused without TLS", True)


def test_a_network_of_ipv6_is_no_address_of_mysql() -> None:
    mysql_settings(3306, None, reader_hosts=("2001:db8::7", "198.51.100.0/24"))
    with pytest.raises(ValueError, match="MySQL's accounts know no networks of IPv6"):
        mysql_settings(3306, None, reader_hosts=("2001:db8::/64",))


def test_a_password_that_the_server_refuses_is_not_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    long_name: Any = "r" * 200
    engine = engine.with_settings(reader=long_name) if engine.kind == "mysql" else engine.with_settings(reader="pg_x")
    with pytest.raises(TargetError) as caught:
        connect(engine)
    assert SECRETS["READER_PASSWORD"] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "SCRAM" not in str(caught.value)
