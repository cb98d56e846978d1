"""What the API does wrong on the way, and what of it reaches the tables: nothing, or a column and a warning."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    Place,
    alike,
    checks,
    materialise,
    materializations,
    published,
    query,
    settle,
    tables,
    true_rows,
    values,
)

PASSING = {
    "http_429_retry_after": "http_429",
    "http_500": "http_500",
    "http_503": "http_503",
    "cut_body": "cut",
    "cut_connection": "cut",
    "truncated_json": "truncated",
    "html_page": "html",
}
"""Faults that another try cures, and how a call that meets one is recorded."""


def test_failures_that_pass_are_tried_again_and_leave_no_trace_in_the_tables(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    report, function, page_size = "customer_action_details_by_date", "GetCustomerActionDetailsByDate", 14
    place = settle(tmp_path, sandbox, api={"page_size": page_size})
    of_page = {number * page_size: fault for number, fault in enumerate(PASSING)}
    sandbox.faults(*(Fault(fault, function, 1, match={"$skip": skip}) for skip, fault in of_page.items()))
    assert materialise(place, report).success
    assert alike(published(place, report, NEWEST)) == alike(true_rows(sandbox, report, NEWEST))
    calls = query(place, "SELECT parameters, attempt, outcome FROM ops.api_calls WHERE report = ? ORDER BY 2", report)
    for skip, fault in of_page.items():
        tries = [call for call in calls if call["parameters"].endswith(f"$skip={skip}")]
        assert [(each["attempt"], each["outcome"]) for each in tries] == [(1, PASSING[fault]), (2, "ok")], fault


def test_rows_that_moved_between_pages_are_dropped(tmp_path: Path, sandbox: RunningSandbox) -> None:
    report = "customer_action_details_by_date"
    place = settle(tmp_path, sandbox, api={"page_size": 20})
    sandbox.faults(Fault("duplicate_rows", function="GetCustomerActionDetailsByDate"))
    run = materialise(place, report)
    assert alike(published(place, report, NEWEST)) == alike(true_rows(sandbox, report, NEWEST))
    repeated = values(materializations(run, f"validated/{report}")[NEWEST])["rows repeated between pages"]
    assert repeated > 0
    duplicates = checks(run, f"validated/{report}")["duplicates"]
    assert not duplicates.passed
    assert duplicates.severity is dg.AssetCheckSeverity.WARN


def test_a_new_field_becomes_a_column_that_may_be_null_and_a_warning(place: Place, sandbox: RunningSandbox) -> None:
    report = "promo_codes"
    assert materialise(place, report, days=DAYS[:1]).success
    sandbox.faults(Fault("unknown_field", function="GetPromoCodes"))
    run = materialise(place, report)
    drift = checks(run, f"validated/{report}")["schema_drift"]
    assert not drift.passed
    assert drift.severity is dg.AssetCheckSeverity.WARN
    assert drift.description == f"{NEWEST}: loyalty_tier"
    assert [row["loyalty_tier"] for row in published(place, report, DAYS[0])] == [None] * 5
    rows = published(place, report, NEWEST)
    assert {row.pop("loyalty_tier") for row in rows} == {"tier 0", "tier 1", "tier 2"}
    assert alike(rows) == alike(true_rows(sandbox, report, NEWEST))


def test_a_field_that_is_absent_is_null(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("missing_field", function="GetPromoCodes"))
    assert materialise(place, "promo_codes").success
    true = [{**row, "promo_code": None} for row in true_rows(sandbox, "promo_codes", NEWEST)]
    assert alike(published(place, "promo_codes", NEWEST)) == alike(true)


def test_days_without_data_are_empty_partitions(tmp_path: Path, sandbox: RunningSandbox) -> None:
    before = [date(2023, 12, 29), date(2023, 12, 30)]
    place = settle(tmp_path, sandbox, tenant={"start_date": before[0].isoformat()})
    reports = [
        "target_groups_by_date",
        "executed_campaign_details",
        "customer_action_details_by_date",
        "actions_by_target_group",
        "customers_by_action",
        "promo_codes_by_campaign",
    ]
    run = materialise(place, *reports, days=before)
    assert run.success
    assert tables(place) == sorted(reports)
    for report in reports:
        made = materializations(run, f"published/{report}")
        assert {day: values(each)["dagster/row_count"] for day, each in made.items()} == dict.fromkeys(before, 0)
        assert query(place, f"SELECT * FROM optimove.{report}") == []


def test_a_preview_shows_customers_where_the_settings_allow_it(tmp_path: Path, sandbox: RunningSandbox) -> None:
    report = "customer_action_details_by_date"
    place = settle(tmp_path, sandbox, warehouse={"preview": True})
    run = materialise(place, report, stages=("report", "validated"))
    preview = str(values(materializations(run, f"validated/{report}")[NEWEST])["preview"])
    customers = {row["customer_id"] for row in true_rows(sandbox, report, NEWEST)}
    assert "customer_id" in preview
    assert any(f"| {customer} |" in preview for customer in customers)
    assert len(preview.splitlines()) == 7


def test_the_api_failing_for_good_ends_its_report_with_what_it_said(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("json_string", function="GetPromoCodes"))
    run = materialise(place, "promo_codes", "target_groups_by_date")
    assert not run.success
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert "promo_codes 2025-06-19 actions/GetPromoCodes Date=2025-06-19: HTTP 200" in (told.description or "")
    assert "An error has occurred, please contact support" in (told.description or "")
    assert tables(place) == ["target_groups_by_date"]
