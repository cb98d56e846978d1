"""How many days a run of a backfill takes: those of the settings' longest chunk, at every stage alike."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.assets.graph import build_definitions
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


def test_every_stage_of_every_report_has_the_policy_of_the_settings() -> None:
    definitions = build_definitions(settings_of(interval="daily", size=4))
    nodes = [*definitions.resolve_asset_graph().asset_nodes]
    assert len(nodes) == 15
    assert {node.backfill_policy for node in nodes} == {dg.BackfillPolicy.multi_run(4)}
