"""Loads that are cut off, refused or killed: the table has a partition whole and once, or nothing of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline_tests.servers.starting import free_port
from optimove_pipeline_tests.servers.wire import wire
from optimove_pipeline_tests.targets.databases.engine import SECRETS, Engine
from optimove_pipeline_tests.targets.databases.feeds import (
    MONDAY,
    PLAYERS,
    SENDS,
    TUESDAY,
    partition,
    players,
    with_column,
)
from optimove_pipeline_tests.targets.databases.loading import (
    MOMENTS,
    NUMBERS,
    load_players,
    stopped_load,
    the_players,
)

NEWEST = players(*NUMBERS, changed=TUESDAY)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_load_is_ended_by_the_next_and_no_row_is_lost_or_twice(
    engine: Engine, tmp_path: Path, moment: str
) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1, 100)))
    with stopped_load(engine.settings, tmp_path, moment):
        pass
    committed = moment == MOMENTS[1]
    assert engine.rows(PLAYERS) == ([*players(1), *NEWEST] if committed else players(1, 100))

    done = load_players(the_players(), engine.target, tmp_path, "next")
    assert (done.sent, done.rows) == (0 if committed else 1, len(NUMBERS))
    assert engine.rows(PLAYERS) == [*players(1), *NEWEST]
    runs = dict(engine.query(f"SELECT partition_key, run_id FROM {engine.named('_receipts')}"))
    assert runs["2026-11-20"] == ("a run" if committed or done.sent else None)
    assert load_players(the_players(), engine.target, tmp_path, "third").sent == 0


def test_a_connection_that_is_cut_in_the_middle_leaves_nothing_and_the_next_try_loads_all(
    engine: Engine, tmp_path: Path
) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    many = [(str(number), "x" * 80, MONDAY) for number in range(100, 20_000)]
    with wire(engine.settings.port, cuts=2, cut_after=300_000) as cut:
        away = engine.with_settings(port=cut.port).target
        with pytest.raises(UnreachableError, match="Customers"):
            away.load(partition(PLAYERS, "2026-11-20", many, at_once=5_000))
        assert engine.rows(PLAYERS) == players(1)
        assert away.receipt(PLAYERS, "2026-11-20") is None
        done = load_players(partition(PLAYERS, "2026-11-20", many, at_once=5_000), away, tmp_path, "a run")
    assert done.sent == 1
    assert cut.cuts == 0
    assert len(engine.rows(PLAYERS)) == 1 + len(many)


def test_a_server_that_is_away_is_worth_another_try(engine: Engine) -> None:
    away = engine.with_settings(port=free_port()).target
    with pytest.raises(UnreachableError, match=r"target crm .*can't be reached"):
        away.load(partition(PLAYERS, "2026-11-16", []))
    with pytest.raises(UnreachableError, match=r"target crm .*can't be reached"):
        away.receipt(PLAYERS, "2026-11-16")
    (step,) = away.check([PLAYERS])
    assert not step.passed


def test_a_wrong_password_is_refused_and_told_without_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADER_PASSWORD", "not-this-one")
    with pytest.raises(LoginError, match="target crm") as caught:
        engine.target.load(partition(PLAYERS, "2026-11-16", []))
    assert "not-this-one" not in str(caught.value)
    monkeypatch.delenv("LOADER_PASSWORD")
    with pytest.raises(SettingsError, match="LOADER_PASSWORD"):
        engine.target.receipt(PLAYERS, "2026-11-16")


def test_a_certificate_of_somebody_else_is_refused(engine: Engine, tmp_path: Path) -> None:
    from optimove_pipeline_tests.servers.certificate import certificate

    other = engine.with_settings(ca_file=certificate(tmp_path).file).target
    with pytest.raises(TargetError, match=r"certificate"):
        other.receipt(PLAYERS, "2026-11-16")


def test_a_user_without_rights_is_told_what_it_lacks(engine: Engine) -> None:
    list(engine.target.connect([PLAYERS]))
    reader = engine.with_settings(username="optimove_reader", password="${READER_PASSWORD}").target
    with pytest.raises(TargetError, match=r"lacks a right|read-only transaction"):
        reader.load(partition(SENDS, "2026-11-16", []))


def test_a_table_that_somebody_holds_is_worth_another_try(engine: Engine) -> None:
    engine.target.load(partition(PLAYERS, "2026-11-16", players(1)))
    impatient = engine.with_settings(timeout_seconds=1).target
    engine.run(*_HOLD[engine.kind])
    try:
        with pytest.raises(UnreachableError):
            impatient.load(partition(PLAYERS, "2026-11-17", players(1, 2)))
    finally:
        engine.run(_LET_GO[engine.kind])
    impatient.load(partition(PLAYERS, "2026-11-17", players(1, 2)))
    assert len(engine.rows(PLAYERS)) == 2


_HOLD = {
    "postgres": ("BEGIN", 'LOCK TABLE optimove."_Customers" IN ACCESS EXCLUSIVE MODE'),
    "mysql": ("LOCK TABLES optimove._Customers WRITE",),
}
_LET_GO = {"postgres": "ROLLBACK", "mysql": "UNLOCK TABLES"}


def test_no_secret_and_no_row_is_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    if engine.kind == "mysql":
        engine.run("SET GLOBAL local_infile = 0")
    list(engine.target.connect([PLAYERS]))
    wider = with_column(replace(PLAYERS), "City", PLAYERS.columns[0].dtype)
    engine.target.load(partition(wider, "2026-11-16", [("secret-id", "secret-alias", MONDAY, "secret-city")]))
    engine.target.check([PLAYERS])
    assert not [word for word in (*SECRETS.values(), "secret-", "SCRAM") if word in caplog.text]
    assert engine.kind == "postgres" or "local_infile" in caplog.text
