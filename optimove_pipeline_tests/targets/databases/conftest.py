"""A PostgreSQL and a MariaDB server, set up as the target's own steps say, word by word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pymysql
import pytest

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline_tests.servers.certificate import Certificate, certificate
from optimove_pipeline_tests.servers.mariadb import mariadb_server
from optimove_pipeline_tests.servers.postgres import postgres_server
from optimove_pipeline_tests.targets.databases.engine import (
    READER,
    SECRETS,
    Engine,
    by_people,
    mysql_settings,
    postgres_settings,
)


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def postgres_target(own_certificate: Certificate) -> Iterator[PostgresTargetSettings]:
    steps = postgres_settings(5432, own_certificate.file).steps("crm", [])
    rules = [*by_people(steps, "pg_hba.conf").splitlines(), "host all loader all scram-sha-256"]
    with (
        postgres_server(own_certificate, rules) as dsn,
        psycopg.connect(dsn, autocommit=True) as administrator,
    ):
        administrator.execute("CREATE DATABASE crm")
        for statement in by_people(steps, "the user that loads").splitlines():
            administrator.execute(statement.encode())
        yield postgres_settings(administrator.info.port, own_certificate.file)


@pytest.fixture(scope="session")
def mysql_target(own_certificate: Certificate) -> Iterator[MySqlTargetSettings]:
    with mariadb_server(own_certificate) as port:
        settings = mysql_settings(port, own_certificate.file)
        told = by_people(settings.steps("crm", []), "the user that loads")
        with (
            pymysql.connect(host="127.0.0.1", port=port, user="root", ssl_disabled=True) as administrator,
            administrator.cursor() as cursor,
        ):
            # What stands between quotes is escaped otherwise there.
            for statement in told.replace("\\", "\\\\").splitlines():
                cursor.execute(statement.replace("the address of this machine", "127.0.0.1"))
        yield settings


@pytest.fixture(params=["postgres", "mysql"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty database, whose reader is not there yet."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with administered(request.getfixturevalue(f"{request.param}_target")) as made:
        yield made


@contextmanager
def administered(settings: PostgresTargetSettings | MySqlTargetSettings) -> Iterator[Engine]:
    """Empty a database, and yield it with a connection of its administrator."""
    with administrator(settings) as engine:
        yield emptied(engine)


@contextmanager
def administrator(settings: DatabaseTargetSettings) -> Iterator[Engine]:
    """Yield a database with a connection of its administrator."""
    if isinstance(settings, PostgresTargetSettings):
        address = f"host=127.0.0.1 port={settings.port} dbname=crm user=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            yield Engine(settings, connection)
    else:
        assert isinstance(settings, MySqlTargetSettings)
        with pymysql.connect(
            host="127.0.0.1", port=settings.port, user="root", autocommit=True, ssl_disabled=True
        ) as connection:
            yield Engine(settings, connection)


def emptied(engine: Engine) -> Engine:
    """Return a database with nothing in it."""
    if engine.kind == "postgres":
        engine.run("DROP SCHEMA IF EXISTS optimove CASCADE")
        if engine.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{READER}'"):
            engine.run(f"DROP OWNED BY {READER}", f"DROP ROLE {READER}")
    else:
        engine.run("SET GLOBAL local_infile = 1", "DROP DATABASE IF EXISTS optimove", "CREATE DATABASE optimove")
        for user, host in engine.query(f"SELECT user, host FROM mysql.user WHERE user = '{READER}'"):
            engine.run(f"DROP USER '{user}'@'{host}'")
    return engine
