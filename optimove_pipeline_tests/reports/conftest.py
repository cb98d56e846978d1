from collections.abc import Iterator

import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.reports.extracting import TODAY


@pytest.fixture(scope="package")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: RunningSandbox) -> RunningSandbox:
    """A tiny sandbox without limits, in the state of its start."""
    started.reset()
    return started
