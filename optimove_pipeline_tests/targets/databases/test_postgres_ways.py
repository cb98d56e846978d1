"""PostgreSQL in the ways that an administrator may have set up: another encoding, other rules of texts, odd paths."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optimove_pipeline.targets.databases.postgres_copy import address
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline_tests.targets.databases.conftest import administered
from optimove_pipeline_tests.targets.databases.engine import SECRETS, Engine
from optimove_pipeline_tests.targets.databases.feeds import MONDAY, PLAYERS, partition


@pytest.fixture
def postgres(postgres_target: PostgresTargetSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with administered(postgres_target) as engine:
        yield engine


def test_texts_are_as_they_were_whatever_encoding_and_rules_of_texts_a_database_has(
    postgres: Engine, tmp_path: Path
) -> None:
    assert postgres.settings.ca_file is not None
    (tmp_path / "a b+c%20").mkdir()
    ca_file = Path(shutil.copy(postgres.settings.ca_file, tmp_path / "a b+c%20"))
    make = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C' STRATEGY file_copy"
    postgres.run(make, "GRANT CREATE ON DATABASE latin TO loader")
    postgres.run("ALTER DATABASE latin SET standard_conforming_strings = off")
    target = postgres.with_settings(database="latin", ca_file=ca_file).target
    target.load(partition(PLAYERS, "2026-11-16", [("1", "Zoë", MONDAY), ("2\\", "gone", MONDAY)]))
    target.load(partition(PLAYERS, "2026-11-17", [], ["2\\", " OR true) --"]))
    dsn = f"host=127.0.0.1 port={postgres.settings.port} dbname=latin user=postgres"
    with psycopg.connect(dsn) as connection:
        assert connection.execute('SELECT * FROM optimove."Customers"').fetchall() == [("1", "Zoë", MONDAY)]
    postgres.run("DROP DATABASE latin")


@pytest.mark.parametrize("host", ["db.example.com", "::1", "/var/run/postgresql"])
def test_an_address_leads_where_the_settings_say(
    postgres_target: PostgresTargetSettings, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("LOADER_PASSWORD", "&p a+s%20s=?/#@:\\'")
    settings = postgres_target.model_copy(update={"host": host, "database": "a b/c?d", "username": "o'x@y&z"})
    read = conninfo_to_dict(address(settings))
    assert (read["host"], read["dbname"], read["user"]) == (host, "a b/c?d", "o'x@y&z")
    assert read["password"] == "&p a+s%20s=?/#@:\\'"
