"""An API of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from optimove_pipeline_tests.serving.api import ENVIRONMENT, Api, served


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def api(tmp_path: Path, _credentials: None) -> Iterator[Api]:
    """The API that is pulled with a key."""
    with served(tmp_path) as running:
        yield running
