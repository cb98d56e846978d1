"""What all tests share: their order, patience with slow machines, and the sandbox as they use it.

Each folder that uses the sandbox has a fixture ``started`` with a date of its own.
"""

import pytest
from hypothesis import HealthCheck, settings

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests import dagster_migrations

dagster_migrations.read_once()
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

LONGEST = (
    "ui/test_dev",
    "docs/test_documented_commands",
    "end_to_end/test_interruptions",
    "end_to_end/test_datasets",
    "end_to_end/test_command_line",
    "datasets/sources/test_databases",
    "end_to_end/test_delivered_reports",
    "end_to_end/test_three_days",
    "end_to_end/test_plan",
    "optimove/budget/test_at_the_sandbox",
    "optimove/budget/test_killed_processes",
    "memory/test_large_day",
)
"""The files that take longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first: at the end one worker would have them alone, and the others none."""
    items.sort(
        key=lambda item: next((place for place, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))
    )


@pytest.fixture
def sandbox(started: RunningSandbox) -> RunningSandbox:
    """A tiny sandbox without limits, in the state of its start."""
    started.reset()
    return started
