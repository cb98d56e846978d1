"""What a person does with ``optimove-pipeline dev``: one real daemon and UI for all of it, asked as the UI asks.

The tests use it one after the other; the last one ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from playwright.sync_api import Page

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.end_to_end.place import (
    Rows,
    alike,
    history_of,
    published,
    published_days,
    run,
    settle,
    true_rows,
)
from optimove_pipeline_tests.ui.browser import browsing
from optimove_pipeline_tests.ui.running_dev import Dev, descendants, eventually, free_port, running_dev

DATED = ("customer_action_details_by_date", "promo_codes", "target_groups_by_date")
SNAPSHOT = "execution_channels"
REPORTS = (*DATED, SNAPSHOT)
"""Reports of all three groups, none of which reads another."""

# The day before yesterday until an hour after midnight, so that no test meets the moment at which it changes.
READY = datetime.now(UTC) - timedelta(hours=1)
NEWEST = READY.date() - timedelta(days=1)
DAYS = tuple(NEWEST - timedelta(days=back) for back in (1, 0))

CHECKS = ("complete", "row_count", "duplicates", "key_nulls", "quarantine_share", "schema_drift")

_BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status runs(limit: 10) { status } } }
}"""

_DAILY_RUNS = """
{
  runsOrError(filter: { tags: [{ key: "dagster/sensor_name", value: "requested_runs" }] }) {
    ... on Runs { results { runId status tags { key value } } }
  }
}"""

_TICKS = """
{
  sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "optimove_pipeline.definitions"
  }) {
    ... on Sensors {
      results { name sensorState { status ticks(limit: 20) { status skipReason error { message } } } }
    }
  }
}"""


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=NEWEST + timedelta(days=1), windows=()) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def dev(tenant: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    readiness = {"time": f"{READY:%H:%M}", "poll_minutes": 1}
    place = settle(tmp_path_factory.mktemp("dev"), tenant, reports={"select": [*REPORTS]}, readiness=readiness)
    with running_dev(place) as running:
        yield running


@pytest.fixture(scope="module")
def backfill(dev: Dev) -> str:
    return dev.backfill(REPORTS, DAYS, "Two days of four reports")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """A page of the UI, which asks the server all the time for as long as it is open."""
    yield browser
    browser.goto("about:blank")


def shows(page: Page, *texts: str) -> None:
    """Wait until the page shows each of the texts."""
    for text in texts:
        page.get_by_text(text, exact=True).first.wait_for()


def test_a_backfill_under_way_is_shown(dev: Dev, backfill: str, page: Page) -> None:
    page.goto(f"{dev.url}/runs/b/{backfill}")
    shows(page, *(f"published / {report}" for report in REPORTS))
    assert page.title()


def test_the_graph_shows_the_groups_of_the_reports(dev: Dev, page: Page) -> None:
    page.goto(f"{dev.url}/asset-groups")
    shows(page, "actions", "customers", "groups")
    assert "Global asset lineage" in page.inner_text("body")


def test_another_dev_on_the_same_data_or_port_is_refused(dev: Dev, tenant: RunningSandbox, tmp_path: Path) -> None:
    same_data = run(dev.place, "dev", "--port", str(free_port()))
    assert same_data.code == 1
    assert f"process {dev.process.pid} (optimove-pipeline dev --port {dev.port})" in same_data.told
    same_port = run(settle(tmp_path, tenant), "dev", "--port", str(dev.port))
    assert same_port.code == 2
    assert f"--port {dev.port}: Address already in use." in same_port.told
    assert not (tmp_path / "data").exists()


def test_the_daemon_pulls_the_day_by_itself(dev: Dev, tenant: RunningSandbox) -> None:
    pulled = eventually(lambda: ended_run(dev), "the daily run has ended", dev)
    assert pulled["status"] == "SUCCESS"
    tags = {tag["key"]: tag["value"] for tag in pulled["tags"]}
    assert tags["dagster/asset_partition_range_end"] == NEWEST.isoformat()
    assert tags["optimove/call_class"] == "daily"
    assert tags["optimove/reason"] == f"{NEWEST} is there: the tenant's data reach to {NEWEST}"
    for report in REPORTS:
        assert rows(dev, report, NEWEST) == alike(true_rows(tenant, report, NEWEST)), report


def test_a_backfill_over_a_range_completes(dev: Dev, tenant: RunningSandbox, backfill: str) -> None:
    found = eventually(lambda: successful(dev, backfill), "the backfill is complete", dev)
    assert {each["status"] for each in found["runs"]} == {"SUCCESS"}
    for report in DATED:
        for day in DAYS:
            assert rows(dev, report, day) == alike(true_rows(tenant, report, day)), (report, day)
    assert published_days(dev.place, SNAPSHOT) == [NEWEST]


def test_an_asset_is_shown_with_its_description_checks_and_plots(dev: Dev, backfill: str, page: Page) -> None:
    page.goto(f"{dev.url}/assets/validated/promo_codes")
    shows(page, "Promo Codes with the contract's types; rows that broke it are in quarantine.")
    page.get_by_text("Plots", exact=True).first.click()
    shows(page, "dagster/row_count", "rows in quarantine")
    page.goto(f"{dev.url}/assets/validated/promo_codes?view=checks")
    shows(page, *CHECKS)
    assert "Every day of the run was made" in page.inner_text("body")


def test_all_sensors_are_on_and_none_fails(dev: Dev) -> None:
    sensors = dev.ask(_TICKS)["sensorsOrError"]["results"]
    assert {each["sensorState"]["status"] for each in sensors} == {"RUNNING"}
    ticks = {each["name"]: each["sensorState"]["ticks"] for each in sensors}
    assert {"report_readiness", "requested_runs"} <= ticks.keys()
    failed = {name: tick["error"] for name, found in ticks.items() for tick in found if tick["status"] == "FAILURE"}
    assert failed == {}
    assert f"{NEWEST} was there" in ticks["report_readiness"][0]["skipReason"]


def test_ctrl_c_ends_all_that_dev_has_started_and_a_run_under_way_in_order(dev: Dev, tenant: RunningSandbox) -> None:
    tenant.faults(Fault("timeout", function="GetPromoCodes"))
    identity = dev.materialise(["promo_codes"], NEWEST)
    eventually(lambda: any(call["fault"] for call in tenant.stats()["calls"]) or None, "a call without answer", dev)
    family = descendants(dev)
    assert len(family) > 5
    ended = dev.interrupt()
    assert ended.code == 0, ended.told
    assert "Ending Dagster." in ended.told
    assert [each for each in family if each.is_running()] == []
    with history_of(dev.place) as instance:
        interrupted = instance.get_run_by_id(identity)
    assert interrupted is not None
    assert interrupted.status is dg.DagsterRunStatus.FAILURE


def ended_run(dev: Dev) -> dict[str, Any] | None:
    """Return the run that a sensor has requested, once it has ended."""
    found = dev.ask(_DAILY_RUNS)["runsOrError"]["results"]
    ended: dict[str, Any] | None = next((each for each in found if each["status"] in {"SUCCESS", "FAILURE"}), None)
    return ended


def successful(dev: Dev, identity: str) -> dict[str, Any] | None:
    """Return the backfill once it counts as a success."""
    found: dict[str, Any] = dev.ask(_BACKFILL, id=identity)["partitionBackfillOrError"]
    return found if found["status"] == "COMPLETED_SUCCESS" else None


def rows(dev: Dev, report: str, day: date) -> Rows:
    """Return the published rows of a day once no run has the warehouse open."""

    def read() -> Rows | None:
        try:
            return alike(published(dev.place, report, day))
        except duckdb.IOException:
            return None

    return eventually(read, "the warehouse", dev)
