"""What a stage tells Dagster of its days: each day by itself, made or held back."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.assets.outcomes import COMPLETE, Days, complete_check, report_days
from optimove_pipeline.assets.partitions import as_days, backfill_policy, daily_partitions, days_of_run
from optimove_pipeline.config import Settings, Tenant
from optimove_pipeline.errors import (
    AnswerError,
    BusyError,
    ContractError,
    ForbiddenError,
    OutageError,
    PartitionError,
    PipelineError,
    RequestError,
    SettingsError,
    TransientError,
    UnauthorizedError,
)

KEY = dg.AssetKey(["report", "promo_codes"])
FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (17, 18, 19))
SETTINGS = Settings(tenant=Tenant(start_date=date(2026, 11, 1)))
PARTITIONS = daily_partitions(SETTINGS)
POLICY = backfill_policy(SETTINGS)


def materialise(
    days: Days, instance: dg.DagsterInstance, *, needed: bool = True, first: date = FIRST, last: date = THIRD
) -> dg.ExecuteInProcessResult:
    """Run one asset over a range of days that ends as given; its own days are checked to be those of the run."""
    seen: list[list[date]] = []

    @dg.asset(key=KEY, partitions_def=PARTITIONS, backfill_policy=POLICY, check_specs=[complete_check(KEY)])
    def stage(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        seen.append(as_days(context.partition_keys))
        assert days_of_run(context, PARTITIONS) == seen[-1]
        return report_days(context, days, needed=needed)

    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    result = dg.materialize([stage], instance=instance, tags=tags, raise_on_error=False)
    assert seen == [[day for day in (FIRST, SECOND, THIRD) if first <= day <= last]]
    return result


@pytest.fixture
def instance() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def check_of(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == COMPLETE
    return evaluation


def rows_by_day(result: dg.ExecuteInProcessResult) -> dict[str | None, Any]:
    return {
        found.partition: found.metadata["rows"].value
        for found in result.asset_materializations_for_node("report__promo_codes")
    }


def test_every_day_made_is_recorded_with_its_own_metadata(instance: dg.DagsterInstance) -> None:
    result = materialise(Days(made={day: {"rows": day.day} for day in (THIRD, FIRST, SECOND)}), instance)
    assert result.success
    assert rows_by_day(result) == {"2026-11-17": 17, "2026-11-18": 18, "2026-11-19": 19}
    assert check_of(result).passed


def test_a_day_held_back_is_not_recorded_and_the_others_are(instance: dg.DagsterInstance) -> None:
    days = Days(
        made={FIRST: {"rows": 1}, THIRD: {"rows": 3}}, missing={SECOND: ContractError("too many broken rows")}
    )
    result = materialise(days, instance)
    assert result.success
    assert instance.get_materialized_partitions(KEY) == {"2026-11-17", "2026-11-19"}
    check = check_of(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.description == "2026-11-18: too many broken rows"
    assert (check.metadata["days made"].value, check.metadata["days held back"].value) == (2, 1)


def test_a_single_day_is_recorded_as_such(instance: dg.DagsterInstance) -> None:
    result = materialise(Days(made={SECOND: {"rows": 5}}), instance, first=SECOND, last=SECOND)
    assert rows_by_day(result) == {"2026-11-18": 5}
    assert instance.get_materialized_partitions(KEY) == {"2026-11-18"}


def failure_of(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return event.step_failure_data.user_failure_data


def test_without_any_day_the_run_fails_with_each_reason_once(instance: dg.DagsterInstance) -> None:
    errors = {FIRST: "no budget", SECOND: "no answer", THIRD: "no budget"}
    result = materialise(Days(missing={day: TransientError(text) for day, text in errors.items()}), instance)
    assert not result.success
    failure = failure_of(result)
    assert failure.description == "no budget\nno answer"
    assert failure.metadata["days"].value == "2026-11-17, 2026-11-18, 2026-11-19"
    assert instance.get_materialized_partitions(KEY) == set()


def test_days_that_nothing_needs_may_all_be_missing(instance: dg.DagsterInstance) -> None:
    result = materialise(Days(missing={FIRST: PartitionError("too old")}), instance, needed=False, last=FIRST)
    assert result.success
    assert instance.get_materialized_partitions(KEY) == set()
    assert not check_of(result).passed


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (TransientError, True),
        (OutageError, True),
        (BusyError, True),
        (AnswerError, True),
        (SettingsError, False),
        (UnauthorizedError, False),
        (ForbiddenError, False),
        (RequestError, False),
        (PartitionError, False),
        (ContractError, False),
    ],
)
def test_a_run_is_tried_again_only_if_that_can_help(
    instance: dg.DagsterInstance, error: type[PipelineError], again: bool
) -> None:
    attempts: list[int] = []

    @dg.asset(
        key=KEY,
        partitions_def=PARTITIONS,
        backfill_policy=POLICY,
        check_specs=[complete_check(KEY)],
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def stage(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        attempts.append(context.retry_number)
        return report_days(context, Days(missing={FIRST: error("no")}))

    assert not dg.materialize([stage], instance=instance, partition_key=str(FIRST), raise_on_error=False).success
    assert attempts == ([0, 1] if again else [0])


@pytest.mark.parametrize(("second", "again"), [(TransientError("no answer"), True), (UnauthorizedError("no"), False)])
def test_one_day_worth_another_try_is_enough_unless_the_run_can_not_go_on(
    instance: dg.DagsterInstance, second: PipelineError, again: bool
) -> None:
    attempts: list[int] = []

    @dg.asset(
        key=KEY,
        partitions_def=PARTITIONS,
        check_specs=[complete_check(KEY)],
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def stage(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        attempts.append(context.retry_number)
        return report_days(context, Days(missing={FIRST: RequestError("refused"), SECOND: second}))

    dg.materialize([stage], instance=instance, partition_key=str(FIRST), raise_on_error=False)
    assert attempts == ([0, 1] if again else [0])


def test_partitions_are_the_tenants_closed_days() -> None:
    partitions = daily_partitions(Settings(tenant=Tenant(start_date=FIRST, timezone="Asia/Tokyo")))
    keys = partitions.get_partition_keys()
    assert keys[:2] == ["2026-11-17", "2026-11-18"]
    assert partitions.timezone == "Asia/Tokyo"
