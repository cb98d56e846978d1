"""All that Dagster loads agrees with the catalogue, and the generated pages agree with both."""

from __future__ import annotations

import json
import os
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.cli import main
from optimove_pipeline.config import sandbox_settings
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline_tests.end_to_end.forked import run_forked
from optimove_pipeline_tests.end_to_end.place import Place, environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(sandbox_settings("http://127.0.0.1:1/current", tmp_path_factory.mktemp("data")))


def test_the_graph_is_the_catalogues(definitions: dg.Definitions) -> None:
    nodes = {
        node.key.to_user_string(): (node.group_name, {key.to_user_string() for key in node.parent_keys})
        for node in definitions.resolve_asset_graph().asset_nodes
    }
    expected: dict[str, tuple[str, set[str]]] = {}
    for report in REPORTS:
        expected[f"report/{report.name}"] = (report.group, {f"report/{name}" for name in report.upstream})
        expected[f"validated/{report.name}"] = (report.group, {f"report/{report.name}"})
        expected[f"published/{report.name}"] = (report.group, {f"validated/{report.name}"})
        expected[f"packaged/{report.name}"] = (report.group, {f"validated/{report.name}"})
        expected[f"delivered/{report.name}"] = (report.group, {f"packaged/{report.name}"})
    assert nodes == expected
    assert len(nodes) == 27 * 5


def test_all_assets_share_their_days_and_their_backfill_policy(definitions: dg.Definitions) -> None:
    nodes = [*definitions.resolve_asset_graph().asset_nodes]
    assert {node.partitions_def for node in nodes} == {
        dg.DailyPartitionsDefinition(start_date="2025-01-01", timezone="UTC")
    }
    assert {node.backfill_policy for node in nodes} == {dg.BackfillPolicy.multi_run(31)}


def test_every_asset_is_checked_and_described(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for node in graph.asset_nodes:
        assert node.description
        assert "complete" in {key.name for key in node.check_keys}
    of_validated = {"complete", "row_count", "duplicates", "key_nulls", "quarantine_share", "schema_drift"}
    for report in REPORTS:
        keys = graph.get(dg.AssetKey(["validated", report.name])).check_keys
        assert {key.name for key in keys} >= of_validated


@pytest.mark.parametrize("arguments", [(), ("-w", "workspace.yaml")], ids=["pyproject.toml", "workspace.yaml"])
def test_dagster_loads_the_project(place: Place, arguments: tuple[str, ...]) -> None:
    with environment(place):
        done = run_forked(["definitions", "validate", *arguments], os.environ, ROOT, "dagster")
    assert done.code == 0, done.out + done.told
    assert "Validation successful" in done.out + done.told
    assert not place.data.exists()


@pytest.mark.parametrize(
    ("page", "arguments"),
    [("reports.md", ("reports", "--markdown")), ("optimove.schema.json", ("settings-schema",))],
)
def test_a_generated_page_is_what_its_command_prints(page: str, arguments: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(main, arguments)
    assert printed.exit_code == 0
    command = f"optimove-pipeline {' '.join(arguments)} > docs/{page}"
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == printed.stdout, f"run: {command}"


def test_the_list_of_reports_tells_what_each_costs() -> None:
    rows = json.loads(CliRunner().invoke(main, ["reports", "--json"]).stdout)
    assert [row["report"] for row in rows] == [report.name for report in REPORTS]
    assert all(row["calls for a day"] for row in rows)
