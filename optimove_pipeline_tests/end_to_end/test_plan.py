"""``optimove-pipeline plan``: what it says is what ``run`` then takes."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optimove_pipeline.cli import main
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import DAYS, NEWEST, Place, environment, published_days, settle, tables

SELECTED = [
    "customer_actions_by_target_group",
    "execution_channels",
    "customers_activity_event_attributes",
]
LOOK_UPS = {"general/GetLastDataUpdate", "integrations/GetActivityEventList", "model/GetCustomerAttributeList"}
NAMES = {report.function: report.name for report in REPORTS}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, started: RunningSandbox) -> Iterator[Place]:
    """A place that is used by one test after the other, each finding what those before it left."""
    started.reset()
    place = settle(tmp_path_factory.mktemp("planned"), started, reports={"select": SELECTED})
    with environment(place), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(place.data / "dagster"))
        yield place


def command(*arguments: str, code: int = 0) -> str:
    """Run a command in this process; return what it prints on standard output."""
    with warnings.catch_warnings():
        # Dagster's own code for nested resources calls what Dagster deprecated.
        warnings.filterwarnings("ignore", message="InitResourceContext.dagster_run is deprecated")
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result.stdout


def over(first: date, last: date) -> tuple[str, ...]:
    return ("--from", str(first), "--to", str(last))


def planned(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(command("plan", "--json", *arguments))
    return document


def calls_made(sandbox: RunningSandbox) -> Counter[str]:
    """The calls that the server has seen, by report, those of no report as look-ups."""
    return Counter(NAMES.get(function, "look-ups") for function in Counter(sandbox.stats()["by_function"]).elements())


def check(plan: dict[str, Any], made: Counter[str]) -> None:
    """Compare a plan with the calls that were made."""
    estimates = plan["reports"] | {"look-ups": plan["look_ups"]}
    assert made.keys() <= estimates.keys()
    for name, estimate in estimates.items():
        assert estimate["low"] <= made[name] <= estimate["high"], (name, estimate, made[name])
        if estimate["basis"] == "exact":
            assert made[name] == estimate["calls"], name
    assert plan["low"] <= made.total() <= plan["high"]


def test_a_plan_of_a_new_tenant_makes_only_the_look_ups_of_the_run_and_the_run_does_not_repeat_them(
    place: Place, sandbox: RunningSandbox
) -> None:
    plan = planned(*over(NEWEST, NEWEST))
    asked = Counter(sandbox.stats()["by_function"])
    assert asked == dict.fromkeys(LOOK_UPS, 1)
    assert tables(place) == []
    assert {estimate["basis"] for estimate in plan["reports"].values()} == {"exact", "catalogue"}
    assert {(estimate["days"], estimate["published"]) for estimate in plan["reports"].values()} == {(1, 0)}
    sandbox.reset()
    command("run", *over(NEWEST, NEWEST))
    assert sandbox.stats()["by_function"].keys() & LOOK_UPS == {"general/GetLastDataUpdate"}
    check(plan, calls_made(sandbox))


def test_a_plan_of_days_beside_published_ones_rests_on_these(place: Place, sandbox: RunningSandbox) -> None:
    plan = planned(*over(DAYS[1], NEWEST))
    assert sandbox.stats()["by_function"] == {"general/GetLastDataUpdate": 1}
    reports = plan["reports"]
    of_history = reports["customer_actions_by_target_group"]
    assert (of_history["days"], of_history["published"], of_history["exact_days"]) == (2, 1, 1)
    assert of_history["basis"] == "history"
    assert reports["target_groups_by_date"]["basis"] == "exact"
    sandbox.reset()
    command("run", *over(DAYS[1], NEWEST))
    check(plan, calls_made(sandbox))


def test_where_everything_is_published_there_is_nothing_to_do(place: Place, sandbox: RunningSandbox) -> None:
    assert "Nothing is missing: every day is published." in command("plan", *over(DAYS[1], NEWEST))
    plan = planned("--missing", *over(DAYS[1], NEWEST))
    assert (plan["runs"], plan["calls"], plan["high"]) == (0, 0, 0)
    assert {report["published"] for report in plan["reports"].values()} == {1, 2}
    assert "Nothing to do: every day is published." in command("plan", "--missing", *over(DAYS[1], NEWEST))
    sandbox.reset()
    command("run", "--missing", *over(DAYS[1], NEWEST))
    assert sandbox.stats()["by_function"] == {"general/GetLastDataUpdate": 1}


def test_what_is_missing_is_all_that_is_pulled(place: Place, sandbox: RunningSandbox) -> None:
    plan = planned("--missing", *over(DAYS[0], NEWEST))
    assert plan["runs"] == 1
    sandbox.reset()
    command("run", "--missing", *over(DAYS[0], NEWEST))
    check(plan, calls_made(sandbox))
    assert {call["parameters"].get("Date", str(DAYS[0])) for call in sandbox.stats()["calls"]} == {str(DAYS[0])}
    assert published_days(place, "customer_actions_by_target_group") == [*DAYS]


def test_offline_no_call_is_made_and_what_is_unknown_is_said(place: Place, sandbox: RunningSandbox) -> None:
    plan = planned("--offline", *over(DAYS[0], NEWEST))
    assert sandbox.stats()["total"] == 0
    assert plan["reports"]["customer_actions_by_target_group"]["published"] == 3
    assert [line.partition(":")[0] for line in plan["unknown"]] == ["how far the tenant's data reach"]


def test_offline_in_an_empty_folder_everything_is_from_the_catalogue(tmp_path: Path, sandbox: RunningSandbox) -> None:
    place = settle(tmp_path, sandbox, reports={"select": SELECTED})
    with environment(place):
        said = command("plan", "--offline", *over(*DAYS[1:]))
    assert sandbox.stats()["total"] == 0
    assert "Not known: activity events: look-up integrations/GetActivityEventList is not held" in said
    assert "Not known: customer attributes: look-up model/GetCustomerAttributeList is not held" in said
    assert [path.name for path in place.root.iterdir()] == ["optimove.yaml"]


def test_an_api_that_can_not_be_reached_is_told_with_the_way_out(tmp_path: Path, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("http_503"))
    place = settle(tmp_path, sandbox)
    with environment(place):
        result = CliRunner().invoke(main, ["plan", *over(*DAYS[1:])])
    assert result.exit_code == 1
    assert "With --offline the plan is made of what is held" in result.stderr


def test_a_backfill_is_told_how_long_its_share_of_the_hour_makes_it_wait(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    windows = [{"calls": 1000, "seconds": 1}, {"calls": 50, "seconds": 3600}]
    place = settle(tmp_path, sandbox, reports={"select": ["promo_codes"]}, budget={"windows": windows})
    with environment(place):
        said = command("plan", "--backfill", "--from", "2025-01-02", "--to", "2025-06-19")
        document = planned("--from", "2025-01-02", "--to", "2025-06-19")
    assert "177 calls in 7 runs take about 4 h" in said
    assert "What limits it: the budget of 50 calls in 1 h, 40 of them for backfills, 1 of them used now." in said
    assert document["calls"] == 177
    assert document["seconds"]["likely"] == pytest.approx(3 * 3600, abs=60)
    assert [window["limits"] for window in document["windows"]] == [False, True]
    assert document["windows"][1] == {"calls": 50, "seconds": 3600.0, "allowed": 50, "used": 2, "limits": True}
