"""A stub of SQL Server and an emulator of BigQuery, empty for each test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from optimove_pipeline_tests.servers.bigquery import LOADER, READER, BigQuery, bigquery_server
from optimove_pipeline_tests.servers.sqlserver import PASSWORD, sqlserver_stub
from optimove_pipeline_tests.targets.cloud_databases.engine import Engine, bigquery_settings, sqlserver_settings

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQuery]:
    with bigquery_server(tmp_path_factory.mktemp("bigquery")) as server:
        yield server


@pytest.fixture
def bigquery(emulator: BigQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An emulator in which one dataset is new."""
    monkeypatch.setenv("LOADER_ACCOUNT", emulator.account(LOADER))
    monkeypatch.setenv("READER_ACCOUNT", emulator.account(READER))
    emulator.said.clear()
    emulator.jobs.clear()
    emulator.roles.clear()
    return Engine(bigquery_settings(emulator.address, dataset=f"optimove{next(_NUMBERS)}"), emulator, tmp_path)


@pytest.fixture
def sqlserver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A stub with nothing in it."""
    monkeypatch.setenv("LOADER_PASSWORD", PASSWORD)
    monkeypatch.setenv("READER_PASSWORD", "r;ead'er}")
    with sqlserver_stub() as stub:
        yield Engine(sqlserver_settings(stub.port), stub, tmp_path)


@pytest.fixture(params=["sqlserver", "bigquery"], ids=["sqlserver on a stub", "bigquery on an emulator"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of the two."""
    chosen: Engine = request.getfixturevalue(request.param)
    return chosen
