"""Sandboxes without limits, and places that use them as a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.end_to_end.place import TODAY, Place, settle


@pytest.fixture(scope="session")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def place(tmp_path: Path, sandbox: RunningSandbox) -> Place:
    """A fresh place whose settings name the sandbox as a tenant."""
    return settle(tmp_path, sandbox)
