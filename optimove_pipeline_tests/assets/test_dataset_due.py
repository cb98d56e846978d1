"""The standing check of data sets: the partition that was due by now is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.assets.dataset_due import judge
from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import Settings, parse_settings

DUE = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
PUBLISHED = dg.AssetKey(["published", "customers"])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def settings_of(tmp_path: Path, **own: Any) -> Settings:
    chosen = {"preset": "casino", "select": ["customers"], "each": {"customers": own}}
    return parse_settings({"datasets": chosen}, source="a test", data_dir=tmp_path)


def publish(instance: dg.DagsterInstance, key: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(PUBLISHED, partition=key))


def test_the_day_that_is_due_must_be_there(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_of(tmp_path)
    publish(instance, "2026-11-19")
    assert judge(instance, settings, "customers", DUE - timedelta(minutes=1)).passed
    late = judge(instance, settings, "customers", DUE)
    assert not late.passed
    assert late.description == ("2026-11-20 is not published, and was due by 2026-11-21 06:00 UTC: look at its runs")
    publish(instance, "2026-11-20")
    assert judge(instance, settings, "customers", DUE).passed


def test_no_day_is_due_before_the_first_that_was_published(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    publish(instance, "2026-11-21")
    assert judge(instance, settings_of(tmp_path), "customers", DUE).passed


def test_an_hour_is_due_by_its_own_time(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_of(tmp_path, cadence="hourly", within_minutes=20)
    publish(instance, "2026-11-21T04")
    assert judge(instance, settings, "customers", DUE + timedelta(minutes=19)).passed
    assert not judge(instance, settings, "customers", DUE + timedelta(minutes=20)).passed


def test_every_published_data_set_has_the_check(tmp_path: Path) -> None:
    graph = build_definitions(settings_of(tmp_path)).resolve_asset_graph()
    assert "due" in {check.name for check in graph.asset_check_keys if check.asset_key == PUBLISHED}
