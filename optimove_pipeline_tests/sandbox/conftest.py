from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.sandbox.api import client_of

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="package")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with client_of(sandbox) as client:
        yield client
