"""The graph of data sets: cadences of their own, in any time zone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError


def settings_of(**sections: Any) -> Settings:
    return parse_settings(sections, source="a test", data_dir=Path("data"))


@pytest.mark.parametrize("hourly", ["customers", "transactions"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kolkata"])
def test_an_hourly_data_set_may_refer_to_a_daily_one_and_be_referred_to(hourly: str, zone: str) -> None:
    datasets = {"preset": "casino", "each": {hourly: {"cadence": "hourly"}}}
    definitions = build_definitions(settings_of(tenant={"timezone": zone}, datasets=datasets))
    graph = definitions.get_repository_def().asset_graph
    kinds = {
        name: type(graph.get(dg.AssetKey(["delivered", name])).partitions_def)
        for name in ("customers", "transactions")
    }
    other = "customers" if hourly == "transactions" else "transactions"
    assert kinds == {hourly: dg.HourlyPartitionsDefinition, other: dg.DailyPartitionsDefinition}


def test_names_of_an_hourly_data_set_must_tell_hours_apart() -> None:
    datasets = {"preset": "casino", "select": ["customers"], "each": {"customers": {"cadence": "hourly"}}}
    with pytest.raises(SettingsError, match=r"a test: packages\.each\.customers\.name: expected {time} in it"):
        settings_of(datasets=datasets, packages={"name": "{table}_{date}_{part}.{extension}"})
