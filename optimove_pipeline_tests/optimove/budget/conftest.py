"""What the budget's tests share: a PostgreSQL server, and both kinds of store."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from optimove_pipeline_tests.optimove.budget.scene import Scene
from optimove_pipeline_tests.servers.postgres import postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server for all tests."""
    with postgres_server() as dsn:
        yield dsn


@pytest.fixture
def database(postgres: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres.rpartition("/")[0] + f"/{name}"


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be: a file, then a database."""
    if request.param == "file":
        return str(tmp_path / "budget.sqlite")
    database: str = request.getfixturevalue("database")
    return database


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Budgets on a file of the test's own and a virtual clock."""
    return Scene(tmp_path / "budget.sqlite")
