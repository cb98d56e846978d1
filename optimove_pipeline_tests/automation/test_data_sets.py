"""The sensors of a tenant's data sets, on a real source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from optimove_pipeline.automation.data_sets import data_set_sensors
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import Settings, parse_settings

DAY = date(2026, 11, 20)
MORNING = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
COLUMNS = {"Player_ID": "id", "Registration_Date": "joined"}
TRANSACTIONS = {
    "table": "payments",
    "columns": {
        "Transaction_ID": "no",
        "Player_ID": "id",
        "Transaction_Date": "changed_at",
        "Transaction_Type": "kind",
        "Transaction_Amount": "amount",
    },
}


@dataclass(frozen=True, slots=True)
class Company:
    """A company with two tables in DuckDB, and the settings that send them."""

    root: Path

    def execute(self, *statements: str) -> None:
        with duckdb.connect(str(self.root / "company.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    def settings(self, **each: Any) -> Settings:
        customers = {"table": "players", "columns": COLUMNS, **each.pop("customers", {})}
        transactions = {**TRANSACTIONS, **each.pop("transactions", {})}
        further = {name: each.pop(name) for name in ("first_day",) if name in each}
        document = {
            "sources": {"company": {"kind": "duckdb", "path": str(self.root / "company.duckdb")}},
            "reports": {"select": ["promo_codes"]},
            "datasets": {
                "preset": "casino",
                "select": ["customers", "transactions"],
                "source": "company",
                "change_column": "changed_at",
                **further,
                "each": {"customers": customers, "transactions": transactions},
            },
        }
        return parse_settings(document, source="a test", data_dir=self.root / "data")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = Company(tmp_path)
    made.execute(
        "CREATE TABLE players (id VARCHAR, joined DATE, changed_at TIMESTAMP)",
        "CREATE TABLE payments (no VARCHAR, id VARCHAR, kind VARCHAR, amount DECIMAL(9, 2), changed_at TIMESTAMP)",
        "CREATE TABLE loads (day DATE)",
    )
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(settings: Settings, instance: dg.DagsterInstance, now: datetime, number: int = 0) -> dg.SensorResult:
    sensor = data_set_sensors(settings, lambda: now)[number]
    with dg.build_sensor_context(instance, repository_def=definitions_of(settings).get_repository_def()) as context:
        data = sensor.evaluate_tick(context)
    return dg.SensorResult(run_requests=data.run_requests, skip_reason=data.skip_message)


def requested(settings: Settings, instance: dg.DagsterInstance, now: datetime = MORNING) -> list[str]:
    return [str(request.partition_key) for request in tick(settings, instance, now).run_requests or ()]


def test_data_sets_of_the_same_times_get_one_run_of_all_their_stages(
    company: Company, instance: dg.DagsterInstance
) -> None:
    settings = company.settings()
    (sensor,) = data_set_sensors(settings)
    assert sensor.name == "data_sets_daily_0200_0600_readiness"
    (request,) = tick(settings, instance, MORNING).run_requests or ()
    assert request.partition_key == "2026-11-20"
    stages = ("dataset", "validated", "published", "packaged", "delivered")
    assert {key.to_user_string() for key in request.asset_selection or ()} == {
        f"{stage}/{name}" for stage in stages for name in ("customers", "transactions")
    }


def test_no_day_is_looked_for_before_its_start(company: Company, instance: dg.DagsterInstance) -> None:
    assert requested(company.settings(), instance, MORNING - timedelta(minutes=1)) == ["2026-11-19"]


def test_data_sets_of_other_times_have_a_sensor_of_their_own(company: Company) -> None:
    sensors = data_set_sensors(company.settings(transactions={"readiness": "07:00"}, customers={"starts": "01:00"}))
    assert [sensor.name for sensor in sensors] == [
        "data_sets_daily_0100_0600_readiness",
        "data_sets_daily_0200_0700_readiness",
    ]


def test_a_query_of_one_data_set_holds_up_those_that_go_with_it(
    company: Company, instance: dg.DagsterInstance
) -> None:
    settings = company.settings(transactions={"complete": {"query": "SELECT count(*) FROM loads WHERE day = :day"}})
    result = tick(settings, instance, MORNING)
    assert not result.run_requests
    assert "the query for 2026-11-20 gives 0" in str(result.skip_reason)
    company.execute("INSERT INTO loads VALUES ('2026-11-20')")
    assert requested(settings, instance) == ["2026-11-20"]


def test_a_change_past_the_end_of_the_day_and_its_delay_tells_that_it_is_whole(
    company: Company, instance: dg.DagsterInstance
) -> None:
    settings = company.settings(customers={"complete": {"newest_change": True}})
    company.execute("INSERT INTO players VALUES ('a', '2026-01-01', '2026-11-21 00:04:59')")
    assert "0 changes at 2026-11-21 00:05:00 UTC or since" in str(tick(settings, instance, MORNING).skip_reason)
    company.execute("INSERT INTO players VALUES ('b', '2026-01-01', '2026-11-21 00:05:00')")
    assert requested(settings, instance) == ["2026-11-20"]


def test_a_source_that_does_not_answer_is_told(company: Company, instance: dg.DagsterInstance) -> None:
    settings = company.settings(customers={"complete": {"query": "SELECT done FROM nothing"}})
    assert "the source gives no answer" in str(tick(settings, instance, MORNING).skip_reason)


def test_hours_are_asked_for_one_by_one(company: Company, instance: dg.DagsterInstance) -> None:
    settings = company.settings(transactions={"cadence": "hourly"}, customers={"cadence": "hourly"})
    (sensor,) = data_set_sensors(settings)
    assert sensor.name == "data_sets_hourly_30_readiness"
    assert requested(settings, instance, MORNING.replace(hour=14, minute=4)) == ["2026-11-21T12"]
    assert requested(settings, instance, MORNING.replace(hour=14, minute=5)) == ["2026-11-21T13"]


def test_a_day_is_there_once_all_of_its_data_sets_are_delivered(
    company: Company, instance: dg.DagsterInstance
) -> None:
    def made(*key: str) -> None:
        event = dg.AssetMaterialization(dg.AssetKey(key), partition="2026-11-20")
        instance.report_runless_asset_event(event)

    made("delivered", "customers")
    made("published", "transactions")
    assert requested(company.settings(), instance) == ["2026-11-20"]
    made("delivered", "transactions")
    assert requested(company.settings(), instance) == []
    by_hour = {"cadence": "hourly"}
    settings = company.settings(transactions=by_hour, customers=by_hour)
    assert requested(settings, instance, MORNING.replace(hour=14, minute=5)) == ["2026-11-21T13"]


@pytest.mark.parametrize("cadence", ["daily", "hourly"])
def test_nothing_before_the_first_day_is_looked_for(
    company: Company, instance: dg.DagsterInstance, cadence: str
) -> None:
    each = {name: {"cadence": cadence} for name in ("customers", "transactions")}
    settings = company.settings(**each, first_day="2026-11-22")
    result = tick(settings, instance, MORNING)
    assert not result.run_requests
    assert result.skip_reason is not None
    assert "2026-11-22" in str(result.skip_reason)
    assert "is looked for from 2026-11-2" in str(result.skip_reason)
