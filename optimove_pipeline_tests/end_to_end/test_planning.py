"""Customers by Action, asked for what was executed or for every combination: the same rows, for fewer calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    NEWEST,
    Place,
    Rows,
    alike,
    materialise,
    published,
    settle,
    true_rows,
)

REPORT = "customers_by_action"
UPSTREAM = ("target_groups_by_date", "actions_by_target_group", "customer_action_details_by_date", "all_actions")


def planned(upstream: Place, sandbox: RunningSandbox, planning: str) -> tuple[Rows, int]:
    """The report's rows of a day, and the calls of its own function that they took."""
    sandbox.reset()
    place = settle(upstream.root.with_name(planning), sandbox, reports={"planning": planning})
    shutil.copytree(upstream.data, place.data)
    assert materialise(place, REPORT).success
    return alike(published(place, REPORT, NEWEST)), sandbox.stats()["by_function"]["customers/GetCustomersByAction"]


def test_both_plannings_give_the_same_rows_for_very_different_calls(
    tmp_path: Path, sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream = settle(tmp_path / "upstream", sandbox)
    assert materialise(upstream, *UPSTREAM, stages=("report",)).success
    executed, few = planned(upstream, sandbox, "executed")
    exhaustive, many = planned(upstream, sandbox, "exhaustive")
    with capsys.disabled():
        print(f"\n{REPORT}: {many} calls exhaustive, {few} executed: {many / few:.1f} times")  # noqa: T201
    assert executed == exhaustive == alike(true_rows(sandbox, REPORT, NEWEST))
    assert many > 3 * few
