"""Extraction against the sandbox: the rows of every report and day, whatever happens on the way."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import AnswerError, PartitionError, SettingsError, TransientError
from optimove_pipeline.feeds import attribute_column
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.extraction import Outcome
from optimove_pipeline.reports.report import Report
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.sandbox.truth import Choices, truth
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.reports.extracting import (
    DAY,
    DAY_BEFORE,
    TODAY,
    as_text,
    asked,
    extraction_of,
    partition,
)

ATTRIBUTES = ["Alias", "Country"]
EVERYTHING = {"attributes": ATTRIBUTES, "filters": {"changed_attributes": ATTRIBUTES}}
CHOICES = Choices(attributes=ATTRIBUTES, changed_attributes=ATTRIBUTES, control_group=True, recipient_group_ids=True)
WEEK = [DAY - timedelta(days=back) for back in range(7)]


def extract(
    sandbox: RunningSandbox,
    folder: Path,
    names: Sequence[str],
    days: Sequence[date],
    reports: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Outcome]:
    """Extract reports one after the other in a session of its own."""

    async def run() -> dict[str, Outcome]:
        async with extraction_of(sandbox, folder, reports, **options) as extraction:
            return {name: await extraction.run(BY_NAME[name], days) for name in names}

    return asyncio.run(run())


def with_upstream(*names: str) -> list[str]:
    """Return reports and those that they read, each after what it reads."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys([*with_upstream(*BY_NAME[name].upstream), name])
    return list(found)


@pytest.fixture(scope="module")
def everything(started: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all reports of two days, snapshots of the later one."""
    started.reset()
    folder = tmp_path_factory.mktemp("everything")
    names = with_upstream(*BY_NAME)
    for day in (DAY, DAY_BEFORE):
        dated = [name for name in names if day == DAY or not BY_NAME[name].snapshot]
        for name, outcome in extract(started, folder, dated, [day], EVERYTHING).items():
            assert outcome.failed == {}, name
    return folder


@pytest.mark.parametrize("day", [DAY, DAY_BEFORE], ids=str)
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_an_extracted_day_holds_the_tenants_rows(
    everything: Path, started: RunningSandbox, report: Report, day: date
) -> None:
    if report.snapshot and day != DAY:
        assert Staging(everything / "staging").find("report", report.name, day) is None
        return
    renamed = {"schedule_time": "scheduled_time"}
    rows = [
        {renamed.get(name, name): value for name, value in row.items()}
        for row in truth(started.tenant, report.name, day, CHOICES)
    ]
    frame = partition(everything, report.name, day)
    assert as_text(frame.to_dicts()) == as_text(rows)
    assert set(frame.columns) >= {column.name for column in report.columns}
    assert set(frame.dtypes) == {pl.String()}


def test_the_tenants_days_have_rows_of_almost_every_report(started: RunningSandbox) -> None:
    empty = {report.name for report in REPORTS if not truth(started.tenant, report.name, DAY, CHOICES)}
    assert empty == set()


def test_days_of_one_run_are_extracted_together_and_told_as_they_are_done(
    slow: RunningSandbox, tmp_path: Path
) -> None:
    told: list[date] = []

    async def run() -> Outcome:
        async with extraction_of(slow, tmp_path) as extraction:
            return await extraction.run(BY_NAME["promo_codes"], WEEK, lambda extracted: told.append(extracted.day))

    outcome = asyncio.run(run())
    assert sorted(told) == sorted(outcome.extracted) == sorted(WEEK)
    assert slow.stats()["most_in_flight"] > 2
    for day, extracted in outcome.extracted.items():
        assert extracted.rows == len(truth(slow.tenant, "promo_codes", day))
        assert (extracted.calls, extracted.pages) == (1, 1)
        assert extracted.size > 0


def test_no_more_calls_are_in_flight_than_the_settings_allow(slow: RunningSandbox, tmp_path: Path) -> None:
    extract(slow, tmp_path, ["promo_codes"], WEEK, api={"concurrency": 2})
    assert slow.stats()["most_in_flight"] == 2


def test_a_day_that_fails_does_not_stop_the_others(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("http_500", "GetPromoCodes", match={"Date": DAY_BEFORE}))
    outcome = extract(sandbox, tmp_path, ["promo_codes"], WEEK)["promo_codes"]
    assert set(outcome.failed) == {DAY_BEFORE}
    assert isinstance(outcome.failed[DAY_BEFORE], TransientError)
    assert f"promo_codes {DAY_BEFORE} actions/GetPromoCodes" in str(outcome.failed[DAY_BEFORE])
    assert set(outcome.extracted) == set(WEEK) - {DAY_BEFORE}
    assert Staging(tmp_path / "staging").find("report", "promo_codes", DAY_BEFORE) is None


def test_a_failed_day_goes_on_where_it_was_when_it_is_run_again(sandbox: RunningSandbox, tmp_path: Path) -> None:
    names = with_upstream("promo_codes_by_campaign")
    extract(sandbox, tmp_path, names[:-1], [DAY])
    campaigns = [str(row["campaign_id"]) for row in truth(sandbox.tenant, "executed_campaign_details", DAY)]
    broken = sorted(set(campaigns))[-1]
    sandbox.faults(Fault("http_500", "GetPromoCodesByCampaign", match={"CampaignID": broken}))
    failed = extract(sandbox, tmp_path, names[-1:], [DAY], api={"concurrency": 1})[names[-1]].failed
    assert set(failed) == {DAY}
    sandbox.faults()
    before = len(asked(sandbox, "GetPromoCodesByCampaign"))
    again = extract(sandbox, tmp_path, names[-1:], [DAY], run="run-2", resumable=lambda run: run == "run-1")
    assert again[names[-1]].failed == {}
    assert asked(sandbox, "GetPromoCodesByCampaign")[before:] == [{"campaignid": broken}]
    assert as_text(partition(tmp_path, names[-1], DAY).to_dicts()) == as_text(truth(sandbox.tenant, names[-1], DAY))


def test_after_a_failure_no_further_call_is_begun(sandbox: RunningSandbox, tmp_path: Path) -> None:
    names = with_upstream("promo_codes_by_campaign")
    extract(sandbox, tmp_path, names[:-1], [DAY])
    sandbox.faults(Fault("forbidden", "GetPromoCodesByCampaign"))
    extract(sandbox, tmp_path, names[-1:], [DAY], api={"concurrency": 2})
    assert len(asked(sandbox, "GetPromoCodesByCampaign")) <= 2


def test_a_day_that_was_complete_is_asked_for_anew(sandbox: RunningSandbox, tmp_path: Path) -> None:
    for run in ("run-1", "run-2"):
        extract(sandbox, tmp_path, ["promo_codes"], [DAY], run=run)
    assert len(asked(sandbox, "GetPromoCodes")) == 2
    rows = len(truth(sandbox.tenant, "promo_codes", DAY))
    assert Staging(tmp_path / "staging").open("report", "promo_codes", DAY).rows == rows


def test_two_runs_of_the_same_days_pay_once(sandbox: RunningSandbox, tmp_path: Path) -> None:
    report = BY_NAME["customer_action_details_by_date"]

    async def run(name: str) -> Outcome:
        async with extraction_of(sandbox, tmp_path, run=name, api={"page_size": 20}) as extraction:
            return await extraction.run(report, WEEK)

    async def both() -> tuple[Outcome, Outcome]:
        return await asyncio.gather(run("run-1"), run("run-2"))

    one, other = asyncio.run(both())
    assert one.failed == other.failed == {}
    assert {day: done.rows for day, done in one.extracted.items()} == {
        day: done.rows for day, done in other.extracted.items()
    }
    repeated = Counter(tuple(sorted(parameters.items())) for parameters in asked(sandbox, "GetCustomerActionDetails"))
    assert set(repeated.values()) == {1}


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (DAY_BEFORE, f"only be had of {DAY}, the tenant's last data update: {DAY_BEFORE} can't be fetched any more"),
        (TODAY, f"the tenant's data reach only to {DAY}; run it later"),
    ],
)
def test_a_snapshot_can_only_be_had_of_the_last_data_update(
    sandbox: RunningSandbox, tmp_path: Path, day: date, message: str
) -> None:
    outcome = extract(sandbox, tmp_path, ["all_actions"], [day, DAY])["all_actions"]
    assert set(outcome.extracted) == {DAY}
    assert isinstance(outcome.failed[day], PartitionError)
    assert message in str(outcome.failed[day])
    assert len(asked(sandbox, "GetAllActions")) == 1


def test_a_refused_snapshot_leaves_what_was_landed_for_it(sandbox: RunningSandbox, tmp_path: Path) -> None:
    extract(sandbox, tmp_path, ["all_actions"], [DAY])
    landed = sorted((tmp_path / "landing" / "all_actions" / DAY.isoformat()).rglob("*"))
    sandbox.set_today(TODAY + timedelta(days=1))
    extract(sandbox, tmp_path, ["all_actions"], [DAY], run="run-2")
    assert sorted((tmp_path / "landing" / "all_actions" / DAY.isoformat()).rglob("*")) == landed
    assert Staging(tmp_path / "staging").days("report", "all_actions") == [DAY]


def test_what_a_report_reads_must_be_there(sandbox: RunningSandbox, tmp_path: Path) -> None:
    outcome = extract(sandbox, tmp_path, ["promo_codes_by_campaign"], [DAY])["promo_codes_by_campaign"]
    assert str(outcome.failed[DAY]) == (
        f"report/executed_campaign_details of {DAY} is not there: materialise it first"
    )


def test_an_old_day_reads_the_newest_snapshot_held_and_asks_for_none(sandbox: RunningSandbox, tmp_path: Path) -> None:
    extract(sandbox, tmp_path, ["execution_channels"], [DAY])
    before = len(asked(sandbox, "GetExecutionChannels"))
    outcome = extract(sandbox, tmp_path, ["executed_campaigns_by_channel"], [DAY_BEFORE])
    assert outcome["executed_campaigns_by_channel"].failed == {}
    assert len(asked(sandbox, "GetExecutionChannels")) == before


def test_without_any_snapshot_what_it_holds_is_looked_up_once(sandbox: RunningSandbox, tmp_path: Path) -> None:
    extract(sandbox, tmp_path, ["executed_campaigns_by_channel"], WEEK)
    assert len(asked(sandbox, "GetExecutionChannels")) == 1
    for day in WEEK:
        rows = truth(sandbox.tenant, "executed_campaigns_by_channel", day)
        assert as_text(partition(tmp_path, "executed_campaigns_by_channel", day).to_dicts()) == as_text(rows)


def test_an_unknown_attribute_stops_the_report_before_any_call_of_it(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean Country"):
        extract(sandbox, tmp_path, ["customer_one_time_actions_by_date"], [DAY], {"attributes": ["Cuntry"]})
    assert asked(sandbox, "GetCustomerOneTimeActions") == []


@pytest.mark.parametrize("planning", ["executed", "exhaustive"])
def test_every_planning_brings_the_same_rows(
    started: RunningSandbox, everything: Path, tmp_path: Path, planning: str
) -> None:
    copy_staging(everything, tmp_path, with_upstream("customers_by_action")[:-1])
    started.reset()
    extract(started, tmp_path, ["customers_by_action"], [DAY], {"planning": planning})
    rows = truth(started.tenant, "customers_by_action", DAY)
    assert as_text(partition(tmp_path, "customers_by_action", DAY).to_dicts()) == as_text(rows)


def copy_staging(source: Path, target: Path, names: Sequence[str]) -> None:
    for name in names:
        frame = partition(source, name, DAY)
        with Staging(target / "staging").writing("report", name, DAY) as writer:
            writer.write(frame)


def test_rows_of_other_channels_are_left_out_where_the_request_can_not(
    started: RunningSandbox, everything: Path, tmp_path: Path
) -> None:
    name = "customer_send_details_by_campaign"
    copy_staging(everything, tmp_path, ["executed_campaign_details"])
    rows = truth(started.tenant, name, DAY)
    channel = rows[0]["channel_id"]
    extract(started, tmp_path, [name], [DAY], {"filters": {"channels": [channel]}})
    wanted = [row for row in rows if row["channel_id"] == channel]
    assert 0 < len(wanted) < len(rows)
    assert as_text(partition(tmp_path, name, DAY).to_dicts()) == as_text(wanted)


def test_a_new_field_is_a_new_column(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("unknown_field", "GetPromoCodes"))
    extract(sandbox, tmp_path, ["promo_codes"], [DAY])
    assert set(partition(tmp_path, "promo_codes", DAY)["loyalty_tier"]) == {"tier 0", "tier 1", "tier 2"}


def test_attributes_that_do_not_fit_fail_their_day(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("bad_attributes", match={"Date": DAY}))
    name = "customer_one_time_actions_by_date"
    outcome = extract(sandbox, tmp_path, [name], [DAY, DAY_BEFORE], {"attributes": ATTRIBUTES})[name]
    assert isinstance(outcome.failed[DAY], AnswerError)
    held = Staging(tmp_path / "staging").open("report", name, DAY_BEFORE)
    assert {attribute_column(attribute) for attribute in ATTRIBUTES} <= set(held.columns)


def test_every_row_tells_of_its_call_and_page(sandbox: RunningSandbox, tmp_path: Path) -> None:
    name = "customer_action_details_by_date"
    extract(sandbox, tmp_path, [name], [DAY], api={"page_size": 30})
    held = Staging(tmp_path / "staging").open("report", name, DAY)
    pages = pl.concat([pl.read_parquet(part) for part in held.files])
    rows = len(truth(sandbox.tenant, name, DAY))
    assert pages["_call"].to_list() == [0] * rows
    assert pages["_page"].to_list() == [number // 30 for number in range(rows)]
    assert held.metadata == {"calls": 1, "pages": -(-rows // 30) + 1, "size": held.metadata["size"]}


def test_a_plan_can_be_had_without_calls_of_its_report(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with extraction_of(sandbox, tmp_path, {"filters": {"channels": [504]}}) as extraction:
            return [call.query for call in await extraction.plan(BY_NAME["executed_campaigns_by_channel"], DAY)]

    assert asyncio.run(run()) == [f"ChannelID=504 Date={DAY}"]
    assert asked(sandbox) == []
