"""The sensor of requests: each becomes one run, whatever happens between asking for it and having it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.automation.requested_runs import RUNS_PER_TICK
from optimove_pipeline.automation.requests import Request, file_request, pending
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import Settings, sandbox_settings
from optimove_pipeline.optimove.budget import CallClass

REQUEST = Request(
    reports=("target_groups_by_date", "actions_by_target_group"),
    first=date(2025, 6, 17),
    last=date(2025, 6, 19),
    call_class=CallClass.BACKFILL,
    reason="asked for in the launchpad",
    key="pull/1",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings("http://127.0.0.1:1/current", tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def repository(settings: Settings) -> dg.RepositoryDefinition:
    return definitions_of(settings).get_repository_def()


def tick(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Let the sensor look once, as the daemon does."""
    with dg.build_sensor_context(instance, repository_def=repository) as context:
        return [*(repository.get_sensor_def("requested_runs").evaluate_tick(context).run_requests or ())]


def start(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Add the run that the daemon makes of a request."""
    tags = {**request.tags, "dagster/run_key": str(request.run_key), "dagster/sensor_name": "requested_runs"}
    instance.add_run(dg.DagsterRun(job_name="__ASSET_JOB", tags=tags, status=status))


def test_a_request_becomes_a_run_of_all_its_stages_and_days(
    settings: Settings, repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    file_request(settings.data_dir, REQUEST)
    (asked,) = tick(repository, instance)
    assert asked.run_key == "pull/1"
    assert {asset.to_user_string() for asset in asked.asset_selection or ()} == {
        f"{stage}/{name}"
        for stage in ("report", "validated", "published", "packaged", "delivered")
        for name in REQUEST.reports
    }
    assert asked.tags["dagster/asset_partition_range_start"] == "2025-06-17"
    assert asked.tags["dagster/asset_partition_range_end"] == "2025-06-19"
    assert asked.tags["optimove/call_class"] == "backfill"
    assert asked.tags["optimove/reason"] == "asked for in the launchpad"
    assert "dagster/priority" not in asked.tags


def test_a_daily_request_goes_first_and_its_run_is_taken_first(
    settings: Settings, repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    for number in range(RUNS_PER_TICK + 1):
        file_request(settings.data_dir, replace(REQUEST, key=f"pull/{number}"))
    file_request(settings.data_dir, replace(REQUEST, key="daily", call_class=CallClass.DAILY))
    asked = tick(repository, instance)
    assert [each.run_key for each in asked[:2]] == ["daily", "pull/0"]
    assert int(asked[0].tags["dagster/priority"]) > 0
    assert len(asked) == RUNS_PER_TICK


def test_it_is_asked_for_until_its_run_is_under_way_and_never_again(
    settings: Settings, repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    file_request(settings.data_dir, REQUEST)
    (asked,) = tick(repository, instance)
    (again,) = tick(repository, instance)
    assert again == asked
    start(instance, asked, dg.DagsterRunStatus.NOT_STARTED)
    assert tick(repository, instance) == [asked]
    start(instance, asked, dg.DagsterRunStatus.STARTED)
    assert tick(repository, instance) == []
    assert pending(settings.data_dir) == []
    with dg.DagsterInstance.ephemeral() as forgetful:
        assert tick(repository, forgetful) == []


def test_filters_reach_every_report_of_the_run(
    settings: Settings, repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    file_request(settings.data_dir, replace(REQUEST, filters={"channels": [3]}))
    (asked,) = tick(repository, instance)
    narrowed = {"config": {"filters": {"channels": [3]}}}
    assert asked.run_config == {"ops": {f"report__{name}": narrowed for name in REQUEST.reports}}


def test_reports_that_are_not_selected_any_more_are_left_out_of_a_request(
    settings: Settings, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    file_request(settings.data_dir, replace(REQUEST, reports=("promo_codes",), key="gone"))
    file_request(settings.data_dir, REQUEST)
    fewer = settings.model_copy(
        update={"reports": settings.reports.model_copy(update={"select": ("target_groups_by_date",)})}
    )
    repository = definitions_of(fewer).get_repository_def()
    (asked,) = tick(repository, instance)
    assert {asset.path[-1] for asset in asked.asset_selection or ()} == {"target_groups_by_date"}
    assert [request.key for request in pending(settings.data_dir)] == [REQUEST.key]
    assert "Request gone: reports.select has no promo_codes any more" in caplog.text


def test_without_a_request_the_tick_says_so(
    settings: Settings, repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    with dg.build_sensor_context(instance, repository_def=repository) as context:
        told = repository.get_sensor_def("requested_runs").evaluate_tick(context)
    assert told.skip_message == "no request is waiting"
    assert not settings.data_dir.joinpath("requests").exists()
