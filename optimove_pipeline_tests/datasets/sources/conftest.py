"""Real databases for the tests of sources: one server of each kind, and settings that lead to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pymysql
import pytest

from optimove_pipeline.settings.sources import MySqlSettings, PostgresSettings
from optimove_pipeline_tests.datasets.sources.database import (
    PLAYERS_OF_OLD,
    Database,
    mysql_settings,
    postgres_settings,
)
from optimove_pipeline_tests.servers.mariadb import mariadb_server
from optimove_pipeline_tests.servers.postgres import postgres_server


@pytest.fixture(scope="session")
def postgres_source() -> Iterator[PostgresSettings]:
    with postgres_server() as dsn:
        yield postgres_settings(dsn)


@pytest.fixture(scope="session")
def mysql_source() -> Iterator[MySqlSettings]:
    with mariadb_server() as port:
        yield mysql_settings(port)


@pytest.fixture(params=["postgres", "mysql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty schema (PostgreSQL) or database (MariaDB) called ``crm``, written to beside the source."""
    settings = request.getfixturevalue(f"{request.param}_source")
    with contextlib.closing(_written_to(settings)) as connection:
        written = Database(settings, connection)
        written.empty()
        yield written


def _written_to(settings: MySqlSettings | PostgresSettings) -> Any:
    host, port = settings.host, settings.port
    if isinstance(settings, MySqlSettings):
        return pymysql.connect(host=host, port=port, user="root", autocommit=True, ssl_disabled=True)
    return psycopg.connect(host=host, port=port, user="postgres", dbname="postgres", autocommit=True)


@pytest.fixture(params=["postgres", "mysql"], scope="module")
def large(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose table ``PLAYERS_OF_OLD`` has rows of three frames."""
    settings = request.getfixturevalue(f"{request.param}_source")
    with contextlib.closing(_written_to(settings)) as connection:
        written = Database(settings, connection)
        written.fill(PLAYERS_OF_OLD)
        yield written


@pytest.fixture(autouse=True)
def no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
