"""What estimates rest on: plans of held rows, and what days took that were extracted before."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.estimates import Extracted, Key
from optimove_pipeline.reports.evidence import extracted, planned
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.reports.extracting import DAY, DAY_BEFORE, TODAY, asked, extraction_of, settings_of

DAYS = (DAY_BEFORE, DAY)
HELD = ("execution_channels", "target_groups_by_date", "actions_by_target_group", "customer_action_details_by_date")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, started: RunningSandbox) -> Path:
    """A data directory that holds the last two days of some reports, and the look-up of activity events."""
    started.reset()
    folder = tmp_path_factory.mktemp("held")
    asyncio.run(_extract(started, folder))
    return folder


async def _extract(sandbox: RunningSandbox, folder: Path) -> None:
    async with extraction_of(sandbox, folder) as extraction:
        for name in HELD:
            snapshot = BY_NAME[name].snapshot
            outcome = await extraction.run(BY_NAME[name], DAYS[1:] if snapshot else DAYS)
            assert not outcome.failed
        await extraction.lookups.activity_events()


def plans(folder: Path, days: Sequence[date], *names: str) -> dict[Key, int]:
    lookups = Lookups(None, folder / "look-ups", lambda: TODAY)
    wanted = {BY_NAME[name]: days for name in names}
    return planned(wanted, settings_of(folder), Staging(folder / "staging"), lookups)


def plans_of_extraction(sandbox: RunningSandbox, folder: Path, name: str, days: Sequence[date]) -> dict[Key, int]:
    async def plan() -> dict[Key, int]:
        async with extraction_of(sandbox, folder) as extraction:
            return {(name, day): len(await extraction.plan(BY_NAME[name], day)) for day in days}

    return asyncio.run(plan())


@pytest.mark.parametrize(
    "name",
    [
        "promo_codes",
        "promo_codes_by_target_group",
        "customers_by_action",
        "executed_campaigns_by_channel",
        "campaign_interaction_customers",
        "customers_activity_event_attributes",
    ],
)
def test_what_is_held_is_planned_as_by_the_extraction_without_a_call(
    name: str, folder: Path, sandbox: RunningSandbox
) -> None:
    found = plans(folder, DAYS, name)
    assert asked(sandbox) == []
    assert found == plans_of_extraction(sandbox, folder, name, DAYS)
    assert sum(found.values()) > 0


@pytest.mark.parametrize("name", ["promo_codes_by_campaign", "customer_future_values"])
def test_what_is_not_held_is_not_planned(name: str, folder: Path) -> None:
    assert plans(folder, DAYS, name) == {}


def test_a_day_of_which_one_of_two_upstream_reports_is_held_is_not_planned(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "held")
    Staging(tmp_path / "held" / "staging").remove("report", "customer_action_details_by_date", DAY_BEFORE)
    assert plans(tmp_path / "held", DAYS, "customers_by_action").keys() == {("customers_by_action", DAY)}


def test_near_days_are_planned_of_a_report_that_was_never_extracted(folder: Path) -> None:
    earlier = [date(2026, 10, 1)]
    assert plans(folder, earlier, "promo_codes_by_target_group").keys() == {
        ("promo_codes_by_target_group", day) for day in DAYS
    }
    assert plans(folder, earlier, "actions_by_target_group") == {}


def test_no_days_wanted_are_no_plans(folder: Path) -> None:
    assert plans(folder, (), "promo_codes", "promo_codes_by_target_group") == {}


def test_days_extracted_tell_their_calls_and_pages(folder: Path) -> None:
    found = extracted(REPORTS, Staging(folder / "staging"))
    assert {name for name, _ in found} == set(HELD)
    assert found["target_groups_by_date", DAY] == Extracted(1, 1)
    assert found["customer_action_details_by_date", DAY] == Extracted(1, 2)
    assert found["actions_by_target_group", DAY].pages == found["actions_by_target_group", DAY].calls > 1
