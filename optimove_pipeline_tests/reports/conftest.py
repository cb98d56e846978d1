from collections.abc import Iterator

import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.reports.extracting import TODAY


@pytest.fixture(scope="package")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def started_slow() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=(), latency=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def slow(started_slow: RunningSandbox) -> RunningSandbox:
    """A tiny sandbox whose every answer takes a while, so that calls are in flight together."""
    started_slow.reset()
    return started_slow
