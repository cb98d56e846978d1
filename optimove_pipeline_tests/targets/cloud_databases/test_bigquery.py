"""BigQuery on an emulator, with a front that knows of accounts, rights and the ids of jobs as Google publishes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Who
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline_tests.servers.bigquery import PROJECT, READER, BigQuery
from optimove_pipeline_tests.targets.cloud_databases.engine import Engine, anonymous
from optimove_pipeline_tests.targets.databases.feeds import GAMES, PLAYERS, SENDS, partition, players

DAY = "2026-11-20"
CONFLICT = (400, "Transaction is aborted due to concurrent update against table acme-crm:optimove_tables._Customers")


def loads(server: BigQuery) -> list[str]:
    """Return the ids of the load jobs."""
    return [name for name, emulators in server.jobs.items() if name.startswith("optimove-")]


def server_of(bigquery: Engine) -> BigQuery:
    assert isinstance(bigquery.server, BigQuery)
    return bigquery.server


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
        assert [*client.list_tables(f"{PROJECT}.{bigquery.settings.stage_dataset}")] == []
    bigquery.target.load(rows)
    assert loads(server) == [job, f"{job[:-1]}2"]


def test_what_customers_are_forgotten_stands_in_no_statement(bigquery: Engine) -> None:
    bigquery.target.load(partition(SENDS, DAY, [(DAY, "1", 7)], forgotten=["customer-4711"]))
    assert "4711" not in "\n".join(server_of(bigquery).said)


def test_the_reader_reads_views_and_nothing_else_once_it_is_connected(bigquery: Engine) -> None:
    tables = [PLAYERS, GAMES]
    first = bigquery.target.check(tables)
    assert [(step.step, step.passed) for step in first] == [("connect", True), ("read the views", False)]
    assert "`optimove-pipeline connect dwh --apply` sets up what is missing" in first[-1].fix
    for _ in range(2):
        done = [step.title for step in bigquery.target.connect(tables)]
        assert done == [step.title for step in bigquery.settings.steps("dwh", tables) if step.who is Who.PROGRAM]
    assert _passed(bigquery.target.check(tables)) == ["connect", "read the views", "be refused the tables", _WRITE]
    (entry,) = server_of(bigquery).access[bigquery.settings.dataset][-1:]
    assert entry == {"role": "READER", "userByEmail": READER}


_WRITE = "be refused a write"


@pytest.mark.parametrize(
    ("roles", "may"), [("tables_dataset", "may read _Customers: take its roles on acme-crm and optimove")]
)
def test_a_reader_with_more_rights_fails_the_check(bigquery: Engine, roles: str, may: str) -> None:
    list(bigquery.target.connect([PLAYERS]))
    server_of(bigquery).roles[READER] = {getattr(bigquery.settings, roles)}
    last = bigquery.target.check([PLAYERS])[-1]
    assert not last.passed
    assert may in last.fix


def test_without_the_readers_credential_we_look_whether_it_may_read(bigquery: Engine) -> None:
    alone = bigquery.with_settings(reader_account=None)
    alone.target.load(partition(PLAYERS, DAY, players(1)))
    assert "may not read" in alone.target.check([PLAYERS])[-1].fix
    list(alone.target.connect([PLAYERS]))
    assert _passed(alone.target.check([PLAYERS])) == ["connect", "read the views", "look at the reader's right"]


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
    with pytest.raises(TargetError, match="target dwh .*Location XX does not exist"):
        bigquery.target.load(partition(PLAYERS, DAY, players(1)))


def _passed(steps: Sequence[Checked]) -> list[str]:
    assert all(step.passed for step in steps), steps
    return [step.step for step in steps]
