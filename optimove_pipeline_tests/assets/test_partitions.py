"""How many days a run of a backfill takes: those of the settings' longest chunk, at every stage alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.assets.history import history_partitions
from optimove_pipeline.assets.partitions import backfill_policy
from optimove_pipeline.config import Settings, parse_settings


def settings_of(**chunk: object) -> Settings:
    reports = {"select": ["actions_by_target_group", "all_actions"], "chunk": chunk}
    return parse_settings({"reports": reports}, source="a.yaml", data_dir=Path("data"))


@pytest.mark.parametrize(
    ("chunk", "policy"),
    [
        ({}, dg.BackfillPolicy.multi_run(31)),
        ({"interval": "daily", "size": 4}, dg.BackfillPolicy.multi_run(4)),
        ({"interval": "monthly"}, dg.BackfillPolicy.multi_run(31)),
        ({"interval": "yearly"}, dg.BackfillPolicy.multi_run(366)),
        ({"interval": "none"}, dg.BackfillPolicy.single_run()),
    ],
)
def test_a_backfill_is_cut_by_the_chunk_of_the_settings(chunk: dict[str, object], policy: dg.BackfillPolicy) -> None:
    assert backfill_policy(settings_of(**chunk)) == policy


@pytest.mark.parametrize(
    ("first_day", "now", "offered"),
    [
        ("2026-11-15", "2026-11-15", ["2026-09", "2026-10", "2026-11"]),
        ("2026-11-15", "2026-11-14", ["2026-09", "2026-10"]),
        ("2026-11-15", "2027-02-01", ["2026-09", "2026-10", "2026-11"]),
        ("2026-11-01", "2026-11-15", ["2026-09", "2026-10"]),
        ("2026-12-31", "2026-11-15", ["2026-10"]),
    ],
)
def test_months_of_history_are_offered_once_they_are_over(first_day: str, now: str, offered: list[str]) -> None:
    datasets = {"preset": "casino", "history_months": 2, "first_day": first_day}
    settings = parse_settings({"datasets": datasets}, source="a.yaml", data_dir=Path("data"))
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert history_partitions(settings, moment).get_partition_keys(current_time=moment) == offered


def test_every_stage_of_every_report_has_the_policy_of_the_settings() -> None:
    definitions = build_definitions(settings_of(interval="daily", size=4))
    nodes = [*definitions.resolve_asset_graph().asset_nodes]
    assert len(nodes) == 15
    assert {node.backfill_policy for node in nodes} == {dg.BackfillPolicy.multi_run(4)}
