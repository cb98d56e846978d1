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
    definitions = build_definitions(
        settings_of(tenant={"timezone": zone}, datasets=datasets, reports={"select": ["promo_codes"]})
    )
    graph = definitions.get_repository_def().asset_graph
    kinds = {
        name: type(graph.get(dg.AssetKey(["delivered", name])).partitions_def)
        for name in ("customers", "transactions")
    }
    other = "customers" if hourly == "transactions" else "transactions"
    assert kinds == {hourly: dg.HourlyPartitionsDefinition, other: dg.DailyPartitionsDefinition}


@pytest.mark.parametrize(
    ("cadence", "table", "expected"),
    [
        ("hourly", "{date:%Y%m%d}/customers.csv", r"names the files of a whole day, and cadence is hourly"),
        ("daily", "customers_{date:%Y%m%d%H}.csv", r"names the files of an hour, and cadence is daily"),
    ],
)
def test_files_that_are_not_of_the_partitions_are_refused(cadence: str, table: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=rf"a test: datasets\.each\.customers\.table: .* {expected}"):
        settings_of(**read_from_files(cadence, table))


@pytest.mark.parametrize(
    ("cadence", "table"),
    [
        ("hourly", "{date:%Y%m%d}/{date:%H}/customers.csv"),
        ("hourly", "customers_*.csv"),
        ("daily", "{date:%Y%m%d}/*.csv"),
    ],
)
def test_files_of_the_partitions_and_those_read_by_their_window_are_taken(cadence: str, table: str) -> None:
    assert settings_of(**read_from_files(cadence, table)).datasets.of("customers").table == table


def read_from_files(cadence: str, table: str) -> dict[str, Any]:
    own = {"cadence": cadence, "table": table}
    return {
        "sources": {"drop": {"kind": "files", "location": "/drop", "format": "csv"}},
        "datasets": {"preset": "casino", "select": ["customers"], "source": "drop", "each": {"customers": own}},
    }


def test_names_of_an_hourly_data_set_must_tell_hours_apart() -> None:
    datasets = {"preset": "casino", "select": ["customers"], "each": {"customers": {"cadence": "hourly"}}}
    with pytest.raises(SettingsError, match=r"a test: packages\.each\.customers\.name: expected {time} in it"):
        settings_of(datasets=datasets, packages={"name": "{table}_{date}_{part}.{extension}"})
