"""The day that was due by now is there, and nothing but it turns the check green."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.assets.due_check import DUE, due_check, is_there, judge
from optimove_pipeline.assets.stage_asset import key
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.reports.catalogue import BY_NAME

DAY = date(2025, 6, 20)
LATE = datetime(2025, 6, 21, 10, tzinfo=UTC)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def settings(*reports: str, **tenant: object) -> Settings:
    document = {"tenant": tenant, "reports": {"select": [*reports]}}
    return parse_settings(document, source="a test", data_dir=Path("data"))


def publish(instance: dg.DagsterInstance, report: str, *days: date) -> None:
    for day in days:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(key("published", report), partition=day.isoformat())
        )


def there(instance: dg.DagsterInstance, report: str, now: datetime = LATE) -> bool:
    (due,) = judge(instance, settings("promo_codes", "all_actions"), [BY_NAME[report]], now)
    return due.there


@pytest.mark.parametrize(
    ("held", "dated", "snapshot"),
    [
        ([], False, False),
        ([BEFORE], False, False),
        ([DAY], True, True),
        ([BEFORE, DAY], True, True),
        ([BEFORE, AFTER], False, True),
        ([AFTER], True, True),
    ],
)
def test_the_day_due_is_there_or_need_not_be(held: list[date], dated: bool, snapshot: bool) -> None:
    assert is_there(held, DAY, snapshot=False) is dated
    assert is_there(held, DAY, snapshot=True) is snapshot


def test_a_day_is_due_from_the_moment_it_is_late(instance: dg.DagsterInstance) -> None:
    publish(instance, "promo_codes", BEFORE)
    assert there(instance, "promo_codes", LATE - timedelta(seconds=1))
    assert not there(instance, "promo_codes", LATE)


def test_a_backfill_of_old_days_does_not_make_up_for_the_day_due(instance: dg.DagsterInstance) -> None:
    publish(instance, "promo_codes", *(DAY - timedelta(days=number) for number in range(30, 0, -1)))
    assert not there(instance, "promo_codes")
    publish(instance, "promo_codes", DAY)
    assert there(instance, "promo_codes")


def test_a_day_extracted_but_held_back_is_missing(instance: dg.DagsterInstance) -> None:
    publish(instance, "promo_codes", BEFORE)
    for stage in ("report", "validated"):
        instance.report_runless_asset_event(
            dg.AssetMaterialization(key(stage, "promo_codes"), partition=DAY.isoformat())
        )
    assert not there(instance, "promo_codes")


def test_what_is_late_is_named_with_what_to_do(instance: dg.DagsterInstance) -> None:
    publish(instance, "executed_campaign_details", DAY)
    names = ("executed_campaign_details", "promo_codes", "all_actions")
    late = "2025-06-20 is not published, and was due by 2025-06-21 10:00 UTC: look at its runs, or pull it with"
    assert [due.text for due in judge(instance, settings(*names), [BY_NAME[name] for name in names], LATE)] == [
        "2025-06-20 is there",
        f"{late} `optimove-pipeline run --from 2025-06-20 --to 2025-06-20 --report promo_codes`",
        f"{late} `optimove-pipeline run --days 1 --report all_actions`",
    ]


def test_nothing_is_due_before_the_tenants_first_day(instance: dg.DagsterInstance) -> None:
    (due,) = judge(instance, settings("promo_codes", start_date=AFTER), [BY_NAME["promo_codes"]], LATE)
    assert (due.there, due.text) == (True, "no day is due yet")


def definitions(chosen: Settings) -> dg.Definitions:
    """Return published assets that do nothing, one of them failing, and the check."""
    days = dg.DailyPartitionsDefinition("2025-01-01")

    def published(report: str) -> dg.AssetsDefinition:
        @dg.asset(key=key("published", report), partitions_def=days, backfill_policy=dg.BackfillPolicy.multi_run(31))
        def asset() -> None:
            if report == "all_actions":
                raise dg.Failure("it fails", allow_retries=False)

        return asset

    return dg.Definitions(
        assets=[published(report.name) for report in chosen.reports.selected()],
        asset_checks=[due_check(chosen, lambda: LATE)],
        executor=dg.in_process_executor,
    )


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        each.asset_key.path[1]: each.passed
        for each in result.get_asset_check_evaluations()
        if each.check_name == DUE and each.severity is dg.AssetCheckSeverity.ERROR
    }


def test_a_run_that_publishes_the_day_judges_it_after_that_even_if_another_report_failed(
    instance: dg.DagsterInstance,
) -> None:
    chosen = settings("promo_codes", "all_actions")
    result = (
        definitions(chosen)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            partition_key=DAY.isoformat(),
            asset_selection=[key("published", report) for report in ("promo_codes", "all_actions")],
            raise_on_error=False,
            run_config=QUIET,
        )
    )
    assert not result.success
    assert verdicts(result) == {"promo_codes": True, "all_actions": False}


def test_a_person_can_run_the_check_by_itself(instance: dg.DagsterInstance) -> None:
    chosen = settings("promo_codes", "all_actions")
    defined = definitions(chosen)
    check = dg.AssetCheckKey(key("published", "promo_codes"), DUE)
    job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(check))
    result = (
        dg.Definitions.merge(defined, dg.Definitions(jobs=[job]))
        .resolve_job_def("one_check")
        .execute_in_process(instance=instance, run_config=QUIET)
    )
    assert result.success
    assert verdicts(result) == {"promo_codes": False}
