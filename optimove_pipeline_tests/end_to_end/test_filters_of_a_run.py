"""Filters given in the launchpad narrow one run, and the settings' filters hold again after it."""

from __future__ import annotations

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    NEWEST,
    Place,
    alike,
    checks,
    materialise,
    materializations,
    published,
    tables,
    true_rows,
    values,
)

REPORT = "customer_send_details_by_channel"
UPSTREAM = ("target_groups_by_date", "actions_by_target_group", "customer_action_details_by_date")


def test_a_narrowed_run_replaces_the_days_rows_until_the_day_is_run_again(
    place: Place, sandbox: RunningSandbox
) -> None:
    whole = true_rows(sandbox, REPORT, NEWEST)
    channel = min(int(row["channel_id"]) for row in whole)
    full = materialise(place, "executed_campaigns_by_channel", REPORT)
    assert alike(published(place, REPORT, NEWEST)) == alike(whole)

    narrowed = materialise(place, REPORT, filters={REPORT: {"channels": [channel]}})
    part = [row for row in whole if int(row["channel_id"]) == channel]
    assert 0 < len(part) < len(whole)
    assert alike(published(place, REPORT, NEWEST)) == alike(part)
    told = values(materializations(narrowed, f"report/{REPORT}")[NEWEST])
    assert 0 < told["planned calls"] < values(materializations(full, f"report/{REPORT}")[NEWEST])["planned calls"]
    assert told["filters"]["channels"] == [channel]
    assert told["filters of this run alone"] == "channels"

    again = materialise(place, REPORT)
    assert alike(published(place, REPORT, NEWEST)) == alike(whole)
    told = values(materializations(again, f"report/{REPORT}")[NEWEST])
    assert "channels" not in told["filters"]
    assert told["filters of this run alone"] == "none"


def test_reports_that_must_agree_are_compared_by_what_the_run_asked_for(
    place: Place, sandbox: RunningSandbox
) -> None:
    report = "customers_by_action"
    action = min(int(row["action_id"]) for row in true_rows(sandbox, report, NEWEST))
    assert materialise(place, *UPSTREAM, "all_actions", stages=("report",)).success
    run = materialise(place, report, filters={report: {"actions": [action]}})
    assert run.success
    assert {int(row["action_id"]) for row in published(place, report, NEWEST)} == {action}
    assert checks(run, f"validated/{report}")["agrees_with_customer_action_details_by_date"].passed


def test_filters_that_can_not_be_fail_in_one_line_before_any_call(place: Place, sandbox: RunningSandbox) -> None:
    run = materialise(place, REPORT, filters={REPORT: {"channels": [-1]}})
    assert not run.success
    (failure,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == (
        f"the filters of report/{REPORT} in this run: channels.0: expected at least 0"
    )
    assert sandbox.stats()["total"] == 0
    assert tables(place) == []
