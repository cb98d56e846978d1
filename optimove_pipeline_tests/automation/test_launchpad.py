"""The job of the launchpad: which requests a period becomes, and how a wrong value is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.assets.filters import FiltersConfig
from optimove_pipeline.automation.launchpad import PullConfig, requests_of
from optimove_pipeline.config import Settings, sandbox_settings
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.settings.reports import Filters

NOW = datetime(2025, 6, 20, 9, tzinfo=UTC)
NEWEST = date(2025, 6, 19)
DATED = tuple(report.name for report in REPORTS if not report.snapshot)
ALL = tuple(report.name for report in REPORTS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings("http://127.0.0.1:1/current", tmp_path)


def requests(settings: Settings, **config: Any) -> list[tuple[str, str]]:
    """The requests of a run of the job, in short: days and reports."""
    asked = requests_of(PullConfig.model_validate(config), settings, NOW, NEWEST, "a-run")
    assert [each.key for each in asked] == [f"pull_period/a-run/{number}" for number in range(len(asked))]
    names = {ALL: "all", DATED: "dated"}
    return [(f"{each.first}..{each.last}", names.get(each.reports, ",".join(each.reports))) for each in asked]


def test_a_period_becomes_a_request_for_each_chunk_newest_first(settings: Settings) -> None:
    assert requests(settings, period="month_to_date", chunk="daily:7") == [
        ("2025-06-19..2025-06-19", "all"),
        ("2025-06-15..2025-06-18", "dated"),
        ("2025-06-08..2025-06-14", "dated"),
        ("2025-06-01..2025-06-07", "dated"),
    ]


def test_days_an_offset_and_days_back_mean_what_they_mean_on_the_command_line(settings: Settings) -> None:
    newest = ("2025-06-19..2025-06-19", "all")
    assert requests(settings) == [newest, ("2025-06-17..2025-06-18", "dated")]
    assert requests(settings, days=1, days_back=3) == [newest, ("2025-06-16..2025-06-18", "dated")]
    assert requests(settings, period="yesterday", timezone_offset=-10) == [("2025-06-18..2025-06-18", "dated")]
    assert requests(settings, **{"from": "2025-06-01", "to": "2025-06-01"}) == [("2025-06-01..2025-06-01", "dated")]


def test_reports_bring_what_they_read(settings: Settings) -> None:
    assert requests(settings, period="yesterday", reports=["actions_by_target_group"]) == [
        ("2025-06-19..2025-06-19", "target_groups_by_date,actions_by_target_group")
    ]


def test_a_request_carries_the_filters_and_the_class_of_its_calls(settings: Settings) -> None:
    config = PullConfig(filters=FiltersConfig(channels=[3], events=[1]), days=1)
    (asked,) = requests_of(config, settings, NOW, NEWEST, "a-run")
    assert asked.filters == {"channels": [3], "events": [1]}
    assert asked.call_class is CallClass.BACKFILL
    assert asked.reason == "pull_period, run a-run"
    (daily,) = requests_of(PullConfig(days=1, backfill=False), settings, NOW, NEWEST, "a-run")
    assert daily.call_class is CallClass.DAILY


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"period": "last_week"}, "period last_week: no such period"),
        ({"period": "yesterday", "days": 2}, "period and days: give one of them"),
        ({"from": "June"}, "from June: expected a date such as 2026-11-20"),
        ({"chunk": "weekly"}, "chunk 'weekly': expected one of"),
        ({"reports": ["promo_code"]}, "reports: promo_code is not a report that reports.select selects"),
        ({"timezone_offset": 99}, "timezone_offset 99: expected -12 to 14"),
        ({"filters": {"channels": [-1]}}, "filters: channels.0: expected at least 0"),
        (
            {"filters": {"lifecycle_stages": [1], "attribute_value": {"attribute": "City", "value": "Ghent"}}},
            "filters: give lifecycle_stages or attribute_value",
        ),
    ],
)
def test_a_value_that_can_not_be_is_refused_in_one_line(
    settings: Settings, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        requests(settings, **config)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_period_that_can_not_be_had_is_refused(settings: Settings) -> None:
    with pytest.raises(PartitionError, match="none of the days from 2025-06-19 on can be had"):
        requests_of(PullConfig(days=1), settings, NOW, date(2025, 6, 18), "a-run")


def test_the_launchpad_offers_every_filter_of_the_settings() -> None:
    assert FiltersConfig.model_fields.keys() == Filters.model_fields.keys()
