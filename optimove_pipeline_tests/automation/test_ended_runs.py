"""Runs that failed, failed checks and lost runs are alerts, each told once whatever is restarted."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from optimove_pipeline.alerts.alert import AlertKind
from optimove_pipeline.alerts.outbox import outbox_file
from optimove_pipeline.assets.outcomes import Days, complete_check, report_days
from optimove_pipeline.assets.resources import COMMAND_TAG
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.automation.ended_runs import RUNS_AT_ONCE, ended_runs
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import ContractError, SettingsError
from optimove_pipeline.signs_of_life import lost_runs
from optimove_pipeline_tests.automation.ticks import QUIET, Ticking, alerts
from optimove_pipeline_tests.children import child, line

HELD_BACK = ContractError("promo_codes of 2025-06-18: 12% of the rows broke the contract")
Making = Callable[[dg.AssetExecutionContext], dg.MaterializeResult[Any]]
VALIDATED = key("validated", "promo_codes")


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def instance_on_disk(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose events lie in a file for each run, as in production."""
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as opened:
        yield opened


def settings(data_dir: Path, **alerting: Any) -> Settings:
    return parse_settings({"alerts": alerting}, source="a test", data_dir=data_dir)


@pytest.fixture
def daemon(tmp_path: Path, instance: dg.DagsterInstance) -> Ticking:
    """The sensor after its first tick."""
    ticking = Ticking(ended_runs(settings(tmp_path, ui_url="https://dagster.example.com/")), instance)
    ticking.tick()
    return ticking


def run(instance: dg.DagsterInstance, what: Making, days: str = "2025-06-17 2025-06-18", **tags: str) -> str:
    """Run an asset that does something, for days; return the id of the run."""

    @dg.asset(
        key=VALIDATED,
        partitions_def=dg.DailyPartitionsDefinition("2025-06-01"),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            complete_check(VALIDATED),
            dg.AssetCheckSpec("duplicates", asset=VALIDATED),
            dg.AssetCheckSpec("due", asset=VALIDATED),
        ],
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster knows the bare class only
        return what(context)

    first, last = days.split()
    done = (
        dg.Definitions([asset])
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last, **tags},
            run_config=QUIET,
            raise_on_error=False,
        )
    )
    return done.run_id


def make_days(held_back: bool, *, duplicates: bool = False, late: bool = False) -> Making:
    """Return what makes a day, holds another back if it is to, and evaluates the other checks."""

    def make(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        days = Days(made={date(2025, 6, 17): {}}, missing={date(2025, 6, 18): HELD_BACK} if held_back else {})
        error = dg.AssetCheckSeverity.ERROR
        others = [
            dg.AssetCheckResult(passed=not duplicates, check_name="duplicates", severity=dg.AssetCheckSeverity.WARN),
            dg.AssetCheckResult(passed=not late, check_name="due", severity=error, description="2025-06-18 is late"),
        ]
        return report_days(context, days, others)

    return make


def raising(error: BaseException) -> Making:
    def fail(_: dg.AssetExecutionContext) -> NoReturn:
        raise error

    return fail


def test_a_failed_run_is_told_with_its_report_days_id_message_and_link(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance, raising(dg.Failure("promo_codes: HTTP 403: ask for access", allow_retries=False)))
    daemon.tick()
    (alert,) = alerts(tmp_path)
    assert alert.kind is AlertKind.RUN_FAILED
    assert alert.title == "a run of 2025-06-17 to 2025-06-18 failed: promo_codes"
    assert alert.text.splitlines() == [
        f"Run {run_id} of 2025-06-17 to 2025-06-18 failed.",
        "- validated/promo_codes: promo_codes: HTTP 403: ask for access",
        "When the cause is gone, run it again: re-execute it in Dagster's UI, or pull its days with "
        "`optimove-pipeline run`. Answers that had arrived are used again.",
        f"https://dagster.example.com/runs/{run_id}",
    ]


def test_a_check_that_failed_is_told_though_its_run_succeeded(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance, make_days(held_back=True))
    daemon.tick()
    (alert,) = alerts(tmp_path)
    assert (alert.kind, alert.title) == (AlertKind.CHECK_FAILED, "held back: promo_codes")
    assert alert.text.splitlines()[:2] == [
        f"Run {run_id} of 2025-06-17 to 2025-06-18: checks failed.",
        f"- validated/promo_codes (complete): 2025-06-18: {HELD_BACK}",
    ]


@pytest.mark.parametrize(
    "what",
    [make_days(held_back=False), make_days(held_back=False, duplicates=True), make_days(held_back=False, late=True)],
    ids=["all is well", "a check warns", "a day is late, which has an alert of its own"],
)
def test_a_run_without_a_failed_check_is_not_told(
    what: Making, daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run(instance, what)
    assert daemon.tick().skip_message == "no run has failed"
    assert alerts(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SettingsError("OPTIMOVE_API_KEY is not set"), "OPTIMOVE_API_KEY is not set"),
        (KeyError("canary@example.com"), "an unexpected error, KeyError: see the run's log"),
    ],
)
def test_only_messages_of_our_own_are_told(
    error: Exception, told: str, daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run(instance, raising(error), "2025-06-18 2025-06-18")
    daemon.tick()
    (alert,) = alerts(tmp_path)
    assert alert.title == "a run of 2025-06-18 failed: promo_codes"
    assert alert.text.splitlines()[1] == f"- validated/promo_codes: {told}"
    assert "canary" not in alert.text


def test_a_daemon_that_dies_within_a_tick_neither_repeats_nor_loses_an_alert(
    instance_on_disk: dg.DagsterInstance, tmp_path: Path
) -> None:
    daemon = Ticking(ended_runs(settings(tmp_path)), instance_on_disk)
    daemon.tick()
    first = run(instance_on_disk, raising(SettingsError("one")))
    daemon.tick_and_die()
    second = run(instance_on_disk, make_days(held_back=True))
    daemon.tick()
    daemon.tick()
    assert [alert.key for alert in alerts(tmp_path)] == [f"run/{first}", f"checks/{second}"]


def test_runs_of_before_the_first_tick_are_not_told(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run(instance, raising(SettingsError("long ago")))
    ticking = Ticking(ended_runs(settings(tmp_path)), instance)
    for _ in range(2):
        assert ticking.tick().skip_message == "no run has failed"
    assert alerts(tmp_path) == []


def test_an_outbox_that_cannot_be_written_delays_an_alert_but_does_not_lose_it(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance, raising(SettingsError("one")))
    outbox_file(tmp_path).mkdir(parents=True)
    with pytest.raises(SettingsError, match="alerts file"):
        daemon.tick()
    outbox_file(tmp_path).rmdir()
    daemon.tick()
    assert [alert.key for alert in alerts(tmp_path)] == [f"run/{run_id}"]


def interrupt(_: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
    raise AssertionError


def test_a_run_that_its_user_stopped_at_the_command_line_is_not_told(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run(instance, interrupt, **{COMMAND_TAG: "a command"})
    run_id = run(instance, interrupt)
    daemon.tick()
    (alert,) = alerts(tmp_path)
    assert alert.key == f"run/{run_id}"
    assert alert.text.splitlines()[1] == "- validated/promo_codes: it was interrupted"


def test_many_runs_are_looked_through_in_several_ticks(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    for _ in range(RUNS_AT_ONCE + 1):
        instance.report_run_failed(instance.add_run(dg.DagsterRun(job_name="j", status=dg.DagsterRunStatus.STARTED)))
    daemon.tick()
    assert len(alerts(tmp_path)) == RUNS_AT_ONCE
    daemon.tick()
    assert len(alerts(tmp_path)) == RUNS_AT_ONCE + 1


def test_a_run_that_dagster_marked_as_failed_is_told_with_what_killed_it(
    daemon: Ticking, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    killed = "Run execution process was terminated by signal 9 (SIGKILL)."
    for said in (killed, None):
        added = instance.add_run(dg.DagsterRun(job_name="j", status=dg.DagsterRunStatus.STARTED))
        if said:
            instance.report_engine_event(said, added)
        instance.report_run_failed(added)
    instance.report_run_failed(
        instance.add_run(dg.DagsterRun(job_name="j", status=dg.DagsterRunStatus.STARTED)),
        "It took too long to start.",
    )
    daemon.tick()
    assert [alert.text.splitlines()[1] for alert in alerts(tmp_path)] == [
        f"- {killed}",
        "- its process has ended without saying why",
        "- It took too long to start.",
    ]


DYING = """
import sys
from pathlib import Path
from optimove_pipeline.signs_of_life import sign_of_life

with sign_of_life(Path(sys.argv[1]), sys.argv[2]):
    print("alive", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS),
    ],
)
def test_a_run_whose_process_is_gone_is_marked_as_failed_and_told(
    status: dg.DagsterRunStatus,
    ends: dg.DagsterRunStatus,
    daemon: Ticking,
    instance: dg.DagsterInstance,
    tmp_path: Path,
) -> None:
    started = instance.add_run(
        dg.DagsterRun(job_name="reports", status=status, tags={"dagster/partition": "2025-06-18"})
    )
    with child(DYING, tmp_path, started.run_id) as process:
        assert line(process) == "alive"
        daemon.tick()
        found = instance.get_run_by_id(started.run_id)
        assert found is not None
        assert found.status is status
        process.kill()
        process.wait()
    daemon.tick()
    found = instance.get_run_by_id(started.run_id)
    assert found is not None
    assert found.status is ends
    assert lost_runs(tmp_path) == []
    told = [(alert.title, alert.text.splitlines()[1]) for alert in alerts(tmp_path)]
    lost = "- The process of this run is gone: it was killed, or the machine was restarted."
    assert told == ([("a run of 2025-06-18 failed", lost)] if ends is dg.DagsterRunStatus.FAILURE else [])


def test_a_run_lost_before_the_first_tick_is_told(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    started = instance.add_run(dg.DagsterRun(job_name="reports", status=dg.DagsterRunStatus.STARTED))
    with child(DYING, tmp_path, started.run_id) as process:
        assert line(process) == "alive"
        process.kill()
        process.wait()
    assert Ticking(ended_runs(settings(tmp_path)), instance).tick().skip_message == "a run failed"


def test_runs_of_other_projects_on_the_same_dagster_are_not_told(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    def failed_at(location: str) -> str:
        origin = RemoteJobOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), "j"
        )
        added = instance.add_run(
            dg.DagsterRun(job_name="j", status=dg.DagsterRunStatus.STARTED, remote_job_origin=origin)
        )
        instance.report_run_failed(added)
        return added.run_id

    sensor, cursor = ended_runs(settings(tmp_path)), None
    for ticks in range(2):
        if ticks:
            failed_at("another project")
            ours = failed_at("optimove_pipeline.definitions")
        with dg.SensorEvaluationContext(
            instance_ref=None,
            instance=instance,
            cursor=cursor,
            code_location_origin=RegisteredCodeLocationOrigin("optimove_pipeline.definitions"),
        ) as context:
            cursor = sensor.evaluate_tick(context).cursor
    assert [alert.key for alert in alerts(tmp_path)] == [f"run/{ours}"]
