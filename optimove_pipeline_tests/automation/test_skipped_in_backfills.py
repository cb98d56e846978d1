"""A backfill that ended without past days of snapshots is not called failed for them, and for all else it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from optimove_pipeline.assets.selection import stage_keys
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import sandbox_settings
from optimove_pipeline.reports.snapshots import note_update

DAYS = ("2025-06-17", "2025-06-18", "2025-06-19")
UPDATED = date(2025, 6, 19)
SETTINGS = sandbox_settings("http://127.0.0.1:1/current", Path("data"))
FAILED, SUCCESS = BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.COMPLETED_SUCCESS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def repository(data: Path) -> dg.RepositoryDefinition:
    note_update(data, UPDATED)
    return definitions_of(sandbox_settings("http://127.0.0.1:1/current", data)).get_repository_def()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def parts(repository: dg.RepositoryDefinition, days: Sequence[str], *reports: str) -> AssetGraphSubset:
    keys = {AssetKeyPartitionKey(key, day) for key in stage_keys(SETTINGS, reports) for day in days}
    return AssetGraphSubset.from_asset_partition_set(keys, repository.asset_graph)


def ended(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, missing: AssetGraphSubset) -> None:
    """Add a backfill over three days of a snapshot and a dated report that Dagster ended as failed."""
    begun = datetime(2025, 6, 20, tzinfo=UTC).timestamp()
    backfill = PartitionBackfill.from_asset_graph_subset(
        "ended", begun, {}, instance, parts(repository, DAYS, "all_actions", "promo_codes"), None, None, None
    )
    data = backfill.get_asset_backfill_data(repository.asset_graph)
    failed = data.replace_requested_subset(data.target_subset).with_failed_and_downstream_subset(missing)
    instance.add_backfill(
        backfill.with_asset_backfill_data(failed, instance, repository.asset_graph)._replace(status=FAILED)
    )


def tick(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[str | None, str | None]:
    """Let the sensor look once; return what it says and its cursor."""
    with dg.build_sensor_context(instance, cursor=cursor, repository_def=repository) as context:
        done = repository.get_sensor_def("skipped_in_backfills").evaluate_tick(context)
    return done.skip_message, done.cursor


def state(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> tuple[BulkActionStatus, AssetBackfillData]:
    backfill = instance.get_backfill("ended")
    assert backfill is not None
    return backfill.status, backfill.get_asset_backfill_data(repository.asset_graph)


def test_past_days_of_snapshots_are_taken_out_and_the_backfill_has_succeeded(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    ended(repository, instance, parts(repository, DAYS[:2], "all_actions"))
    told, _ = tick(repository, instance)
    status, data = state(repository, instance)
    assert told == "taken out of ended"
    assert status is SUCCESS
    assert data.failed_and_downstream_subset.is_empty
    everything = parts(repository, DAYS, "promo_codes") | parts(repository, DAYS[2:], "all_actions")
    assert (data.target_subset - everything).is_empty
    assert (everything - data.target_subset).is_empty
    assert (data.requested_subset - everything).is_empty


@pytest.mark.parametrize(
    ("report", "day"),
    [("promo_codes", DAYS[0]), ("all_actions", DAYS[2])],
    ids=["a dated report", "the day of the last update"],
)
def test_what_was_not_made_and_not_skipped_has_failed(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, report: str, day: str
) -> None:
    missing = parts(repository, [day], report)
    ended(repository, instance, missing | parts(repository, DAYS[:2], "all_actions"))
    tick(repository, instance)
    status, data = state(repository, instance)
    assert status is FAILED
    assert (data.failed_and_downstream_subset - missing).is_empty
    assert (missing - data.failed_and_downstream_subset).is_empty


def test_a_backfill_with_a_failed_run_stays_as_it_is(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    ended(repository, instance, parts(repository, DAYS[:2], "all_actions"))
    before = state(repository, instance)
    tags = {"dagster/backfill": "ended"}
    instance.add_run(dg.DagsterRun("__ASSET_JOB", tags=tags, status=dg.DagsterRunStatus.FAILURE))
    assert tick(repository, instance)[0] == "no such backfill"
    assert state(repository, instance) == before


def test_a_backfill_is_judged_once(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance) -> None:
    ended(repository, instance, parts(repository, DAYS[:1], "promo_codes"))
    told, cursor = tick(repository, instance)
    assert (told, cursor) == ("no such backfill", '["ended"]')
    before = state(repository, instance)
    assert tick(repository, instance, cursor) == (told, cursor)
    assert state(repository, instance) == before
