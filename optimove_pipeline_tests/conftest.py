"""The sandbox as tests use it; each folder that does has a fixture ``started`` with a date of its own."""

import pytest

from optimove_pipeline.sandbox.process import RunningSandbox


@pytest.fixture
def sandbox(started: RunningSandbox) -> RunningSandbox:
    """A tiny sandbox without limits, in the state of its start."""
    started.reset()
    return started
