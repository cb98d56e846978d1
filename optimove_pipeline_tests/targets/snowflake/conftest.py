"""One stand-in for a Snowflake account for the tests of this folder."""

from collections.abc import Iterator

import pytest

from optimove_pipeline_tests.servers.snowflake import PASSWORD, Recorder, snowflake_account
from optimove_pipeline_tests.targets.snowflake.tables import VARIABLE


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with snowflake_account(tmp_path_factory.mktemp("snowflake")) as recorder:
        yield recorder


@pytest.fixture
def account(running: Recorder, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The account; what was said to it before is forgotten."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    running.said.clear()
    running.logins.clear()
    return running
