"""The sensor of data sets that are not delivered in time, with the ledger as it is and the clock given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.alerts.outbox import outbox_file, transaction
from optimove_pipeline.automation.undelivered import undelivered
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.ledger import Entry, Ledger, ledger_file, new_id

DAY = date(2026, 11, 20)
DUE = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
LONG_BEFORE = DUE - timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Watch:
    settings: Settings
    cursor: str | None = None

    def tick(self, now: datetime) -> str:
        with dg.build_sensor_context(cursor=self.cursor) as context:
            data = undelivered(self.settings, lambda: now).evaluate_tick(context)
        self.cursor = data.cursor
        return str(data.skip_message)

    @property
    def alerts(self) -> list[str]:
        with transaction(outbox_file(self.settings.data_dir)) as connection:
            return [key for (key,) in connection.execute("SELECT key FROM alerts ORDER BY key")]

    def deliver(self, name: str, day: date = DAY, table: str = "") -> None:
        ledger = Ledger(ledger_file(self.settings.data_dir))
        (entry,) = ledger.plan(
            [
                Entry(
                    id=new_id(),
                    target="outbox",
                    feed=name,
                    day=day,
                    version=1,
                    part=1,
                    name=f"{table or name.title().replace('_And_', '_and_')}_20261120_060000_001.csv.gz",
                    rows=1,
                    bytes=1,
                    sha256="0",
                    run_id="a run",
                )
            ]
        )
        ledger.deliver(entry)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Watch]:
    def made(**datasets: Any) -> Watch:
        chosen = {"preset": "casino", "select": ["customers", "game_types_and_categories"], **datasets}
        return Watch(parse_settings({"datasets": chosen}, source="a test", data_dir=tmp_path))

    return made


@pytest.fixture
def watch(make: Callable[..., Watch]) -> Watch:
    watch = make()
    watch.tick(LONG_BEFORE)
    return watch


def test_what_is_not_delivered_is_alerted_before_its_readiness_and_at_it_once(watch: Watch) -> None:
    watch.deliver("game_types_and_categories")
    assert watch.tick(DUE - 31 * MINUTE) == "nothing that is due is missing"
    assert watch.tick(DUE - 30 * MINUTE) == "customers of 2026-11-20 is not delivered yet"
    watch.tick(DUE - 29 * MINUTE)
    assert watch.alerts == ["undelivered/not delivered yet/customers/2026-11-20"]
    assert watch.tick(DUE) == "customers of 2026-11-20 is late"
    watch.tick(DUE + MINUTE)
    assert watch.alerts == [
        "undelivered/late/customers/2026-11-20",
        "undelivered/not delivered yet/customers/2026-11-20",
    ]


def test_what_is_delivered_is_not_alerted(watch: Watch) -> None:
    watch.deliver("customers")
    watch.deliver("game_types_and_categories")
    assert watch.tick(DUE) == "nothing that is due is missing"
    assert watch.alerts == []


def test_a_day_that_was_due_before_the_first_look_is_not_alerted(make: Callable[..., Watch]) -> None:
    watch = make()
    watch.tick(DUE + MINUTE)
    assert watch.alerts == []
    watch.tick(DUE + timedelta(days=1))
    assert len(watch.alerts) == 2


def test_a_data_set_that_optimove_does_not_expect_is_not_alerted(make: Callable[..., Watch]) -> None:
    watch = make(each={"customers": {"expected": False}})
    watch.tick(LONG_BEFORE)
    assert watch.tick(DUE) == "game_types_and_categories of 2026-11-20 is late"


def test_an_hour_is_alerted_by_its_own_time(make: Callable[..., Watch]) -> None:
    watch = make(select=["customers"], warn_minutes=10, each={"customers": {"cadence": "hourly"}})
    watch.tick(DUE - 30 * MINUTE)
    assert watch.tick(DUE + 19 * MINUTE) == "nothing that is due is missing"
    assert watch.tick(DUE + 20 * MINUTE) == "customers of 2026-11-21T05 is not delivered yet"
    assert watch.tick(DUE + 30 * MINUTE) == "customers of 2026-11-21T05 is late"


def test_every_hour_is_alerted_where_later_ones_end_before_it_is_due(make: Callable[..., Watch]) -> None:
    hourly = {"cadence": "hourly", "within_minutes": 180}
    watch = make(select=["customers"], warn_minutes=10, each={"customers": hourly})
    watch.tick(DUE)
    assert watch.tick(DUE + 49 * MINUTE) == "nothing that is due is missing"
    assert watch.tick(DUE + 50 * MINUTE) == "customers of 2026-11-21T03 is not delivered yet"
    for hour in (3, 4):
        watch.deliver("customers", datetime(2026, 11, 21, hour))  # noqa: DTZ001 - an hour's partition has no zone
    assert watch.tick(DUE + 120 * MINUTE) == "nothing that is due is missing"
    assert watch.tick(DUE + 170 * MINUTE) == "customers of 2026-11-21T05 is not delivered yet"
    told = watch.tick(DUE + 240 * MINUTE)
    assert told == "customers of 2026-11-21T06 is late; customers of 2026-11-21T05 is late"
    assert len(watch.alerts) == 4


def test_a_day_is_looked_at_for_a_day_after_its_readiness(watch: Watch) -> None:
    watch.deliver("game_types_and_categories")
    watch.deliver("game_types_and_categories", DAY + timedelta(days=1))
    watch.deliver("customers", DAY + timedelta(days=1))
    assert watch.tick(DUE + timedelta(days=1) - MINUTE) == "customers of 2026-11-20 is late"
    assert watch.tick(DUE + timedelta(days=1)) == "nothing that is due is missing"


def test_a_table_of_ones_own_name_is_no_missing_file(tmp_path: Path) -> None:
    document = {
        "datasets": {"preset": "casino", "select": ["customers"]},
        "packages": {"each": {"customers": {"table": "Players"}}},
    }
    watch = Watch(parse_settings(document, source="a test", data_dir=tmp_path))
    watch.tick(LONG_BEFORE)
    watch.deliver("customers", table="Players")
    assert watch.tick(DUE) == "nothing that is due is missing"


def test_no_day_before_the_first_one_is_alerted(make: Callable[..., Watch]) -> None:
    watch = make(first_day="2026-11-21")
    watch.tick(LONG_BEFORE)
    assert watch.tick(DUE) == "nothing that is due is missing"
    assert "of 2026-11-21 is late" in watch.tick(DUE + timedelta(days=1))
