"""The badge's policy follows from the readiness settings."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy

from optimove_pipeline.assets.freshness import freshness_policy
from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.readiness import ended_at, late_at

YEAR = [date(2026, 1, 1) + timedelta(days=day) for day in range(365)]


def settings(zone: str = "UTC", **readiness: object) -> Settings:
    document = {"tenant": {"timezone": zone}, "readiness": readiness, "reports": {"select": ["promo_codes"]}}
    return parse_settings(document, source="a test", data_dir=Path("data"))


def policy_of(chosen: Settings) -> CronFreshnessPolicy:
    policy = freshness_policy(chosen)
    assert isinstance(policy, CronFreshnessPolicy)
    return policy


def test_published_assets_have_the_policy_and_no_others() -> None:
    chosen = settings()
    assets = build_definitions(chosen).assets or []
    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for asset in assets
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.specs
    }
    assert policies == {
        "report/promo_codes": None,
        "validated/promo_codes": None,
        "published/promo_codes": freshness_policy(chosen),
        "packaged/promo_codes": None,
        "delivered/promo_codes": None,
    }


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/New_York", "Pacific/Auckland"])
def test_a_day_published_between_its_end_and_its_deadline_is_fresh(zone: str) -> None:
    chosen = settings(zone, time="06:30", deadline_hours=4.5)
    policy = policy_of(chosen)
    assert (policy.deadline_cron, policy.timezone) == ("0 11 * * *", "UTC")
    begins = [late_at(chosen, day) - policy.lower_bound_delta for day in YEAR]
    assert all(f"{late_at(chosen, day):%H:%M}" == "11:00" for day in YEAR)
    assert all(begin <= ended_at(chosen, day) for begin, day in zip(begins, YEAR, strict=True))
    assert any(begin == ended_at(chosen, day) for begin, day in zip(begins, YEAR, strict=True))


def test_a_deadline_more_than_a_day_after_the_end_is_looked_back_from_for_a_day() -> None:
    policy = policy_of(settings("America/New_York", time="04:00", deadline_hours=24.0))
    assert (policy.deadline_cron, policy.lower_bound_delta) == ("0 4 * * *", timedelta(days=1))


def test_a_deadline_within_a_minute_is_that_minutes_end() -> None:
    assert policy_of(settings(time="06:00", deadline_hours=0.01)).deadline_cron == "1 6 * * *"
