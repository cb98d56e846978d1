"""The sensor of a data set, on an asset that stands for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.alerts.outbox import outbox_file, transaction
from optimove_pipeline.automation.completeness import Completeness
from optimove_pipeline.automation.data_set_look import DataSetState, look_for, state_of
from optimove_pipeline.automation.data_set_readiness import data_set_sensor
from optimove_pipeline.cadence import Daily, Hourly
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import SettingsError, TransientError
from optimove_pipeline.partition_keys import partition_of

DAY = date(2025, 6, 20)
KEY, SENT = dg.AssetKey(["dataset", "customers"]), dg.AssetKey(["delivered", "customers"])


@dg.asset(key=KEY, partitions_def=dg.DailyPartitionsDefinition("2025-01-01"))
def customers() -> None:
    """Stands for a data set."""


@dg.asset(key=SENT, deps=[KEY], partitions_def=dg.DailyPartitionsDefinition("2025-01-01"))
def delivered() -> None:
    """Stands for its last stage."""


def at(text: str, day: date = DAY + timedelta(days=1)) -> datetime:
    return datetime.fromisoformat(f"{day} {text}").replace(tzinfo=UTC)


@dataclass(slots=True)
class Source:
    """A source with complete days, that can fail; ``asked`` are the days it was asked of."""

    complete: set[date] = field(default_factory=set)
    failing: bool = False
    asked: list[date] = field(default_factory=list)

    def is_complete(self, day: date) -> Completeness:
        self.asked.append(day)
        if self.failing:
            raise TransientError("the database is down")
        return Completeness(day in self.complete, "as the source says")


@dataclass(slots=True)
class Watch:
    """The sensor over time, with the cursor that the daemon keeps."""

    settings: Settings
    instance: dg.DagsterInstance
    source: Source = field(default_factory=Source)
    cursor: str | None = None
    told: str | None = None

    def tick(self, now: datetime) -> list[dg.RunRequest]:
        sensor = data_set_sensor(
            self.settings,
            "customers",
            Daily(self.settings),
            self.source.is_complete,
            [KEY, SENT],
            [SENT],
            lambda: now,
        )
        definitions = dg.Definitions(assets=[customers, delivered], sensors=[sensor])
        with dg.build_sensor_context(
            self.instance, cursor=self.cursor, definitions=definitions, sensor_name="customers_readiness"
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor, self.told = data.cursor, data.skip_message
        return [*(data.run_requests or ())]

    def requested(self, now: datetime) -> list[str]:
        return [str(request.run_key) for request in self.tick(now)]

    def publish(self, day: date, key: dg.AssetKey = SENT) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day.isoformat()))

    def run(self, run_key: str, status: dg.DagsterRunStatus, **others: str) -> None:
        """Leave a run of that key that has come to a status; ``others`` are further tags of Dagster's."""
        tags = {"dagster/run_key": run_key, **{f"dagster/{name}": value for name, value in others.items()}}
        self.instance.add_run(dg.DagsterRun("customers", status=status, tags=tags))

    @property
    def alerts(self) -> list[str]:
        with transaction(outbox_file(self.settings.data_dir)) as connection:
            return [key for (key,) in connection.execute("SELECT key FROM alerts")]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def make(tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., Watch]:
    def made(**sections: Any) -> Watch:
        sections["readiness"] = {"time": "05:00", **sections.get("readiness", {})}
        return Watch(parse_settings(sections, source="a test", data_dir=tmp_path), instance)

    return made


@pytest.fixture
def watch(make: Callable[..., Watch]) -> Watch:
    return make()


def test_a_complete_day_is_run_once_from_its_readiness_time_on(watch: Watch) -> None:
    watch.source.complete = {DAY - timedelta(days=1), DAY}
    assert watch.requested(at("04:59:30")) == ["customers/2025-06-19"]
    (request,) = watch.tick(at("05:00"))
    assert (request.run_key, request.partition_key, request.asset_selection) == (
        "customers/2025-06-20",
        "2025-06-20",
        [KEY, SENT],
    )
    assert watch.requested(at("05:30")) == []
    coming = "2025-06-21 is looked for from 2025-06-22 05:00 UTC on"
    assert watch.told is not None
    assert watch.told.endswith(f"2025-06-20 is requested and not there yet. {coming}")
    for day in (DAY - timedelta(days=1), DAY):
        watch.publish(day)
    assert watch.requested(at("05:30:30")) == []
    assert watch.told == f"2025-06-20 was there. {coming}"
    assert watch.source.asked == [DAY - timedelta(days=1), DAY]


def test_a_reset_of_the_cursor_asks_for_the_same_run_which_dagster_knows(watch: Watch) -> None:
    watch.source.complete = {DAY}
    first = watch.requested(at("05:00"))
    watch.cursor = None
    assert watch.requested(at("05:01")) == first
    watch.cursor = None
    watch.publish(DAY)
    assert watch.requested(at("05:02")) == []


def test_the_source_is_asked_at_the_interval_of_the_settings(watch: Watch) -> None:
    for minute in range(26):
        assert watch.requested(at(f"05:{minute:02}")) == []
    assert watch.source.asked == [DAY] * 3
    assert watch.told == "2025-06-20 is not complete yet; the source is asked again at 2025-06-21 05:30:00 UTC"


def test_days_missed_while_it_was_off_are_caught_up_oldest_first(watch: Watch) -> None:
    watch.requested(at("05:00"))
    days = [DAY + timedelta(days=passed) for passed in range(4)]
    watch.source.complete = {*days}
    assert watch.requested(at("05:00", days[-1] + timedelta(days=1))) == [f"customers/{day}" for day in days]


def test_days_are_caught_up_only_so_far_back(make: Callable[..., Watch]) -> None:
    watch = make(readiness={"catch_up_days": 1})
    watch.requested(at("05:00"))
    later = DAY + timedelta(days=9)
    watch.source.complete = {DAY + timedelta(days=passed) for passed in range(10)}
    assert watch.requested(at("05:00", later + timedelta(days=1))) == ["customers/2025-06-28", "customers/2025-06-29"]


def test_hours_are_looked_for_from_that_on_in_which_the_first_day_begins(tmp_path: Path) -> None:
    document = {"tenant": {"start_date": "2025-06-21", "timezone": "Asia/Kolkata"}}
    settings = parse_settings(document, source="a test", data_dir=tmp_path)
    hourly = Hourly(settings, timedelta(minutes=5), timedelta(minutes=30))
    found = [
        look_for(
            settings, hourly, DataSetState(), at(time, DAY), (), (), lambda _: Completeness(True, "whole")
        ).complete
        for time in ("19:04", "19:05")
    ]
    assert found == [(), (partition_of("2025-06-20T18"),)]


def test_days_before_the_tenants_first_are_not_looked_for(make: Callable[..., Watch]) -> None:
    watch = make(tenant={"start_date": "2025-06-21"})
    watch.source.complete = {DAY}
    assert watch.requested(at("12:00")) == []
    assert watch.source.asked == []


def test_a_day_that_does_not_come_holds_up_no_other_and_is_alerted_once(watch: Watch) -> None:
    watch.requested(at("05:00"))
    watch.source.complete = {DAY + timedelta(days=1)}
    tomorrow = DAY + timedelta(days=2)
    assert watch.requested(at("05:00", tomorrow)) == ["customers/2025-06-21"]
    assert watch.requested(at("05:10", tomorrow)) == []
    assert watch.alerts == ["not-complete/customers/2025-06-20"]
    watch.source.complete.add(DAY)
    assert watch.requested(at("05:20", tomorrow)) == ["customers/2025-06-20"]


def test_a_day_is_late_at_its_deadline_and_not_before(watch: Watch) -> None:
    watch.requested(at("08:59"))
    assert watch.alerts == []
    watch.requested(at("09:00"))
    assert watch.alerts == ["not-complete/customers/2025-06-20"]


def test_a_failing_source_is_told_and_asked_again_at_the_next_interval(watch: Watch) -> None:
    watch.source.failing = True
    assert watch.requested(at("05:00")) == []
    assert watch.told == "2025-06-20: the source gives no answer: the database is down"
    watch.source.failing, watch.source.complete = False, {DAY}
    assert watch.requested(at("05:05")) == []
    assert watch.requested(at("05:10")) == ["customers/2025-06-20"]


def test_a_complete_day_that_is_there_is_not_run_again(watch: Watch) -> None:
    watch.source.complete = {DAY}
    watch.publish(DAY)
    assert watch.requested(at("05:00")) == []
    assert watch.source.asked == []


def test_a_day_that_was_only_tried_is_asked_for(watch: Watch) -> None:
    watch.source.complete = {DAY}
    watch.publish(DAY, KEY)
    assert watch.requested(at("05:00")) == ["customers/2025-06-20"]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_day_whose_run_failed_is_asked_for_again_three_times_at_most(
    watch: Watch, status: dg.DagsterRunStatus
) -> None:
    watch.source.complete = {DAY}
    asked = list[str]()
    for hour in range(5, 12):
        keys = watch.requested(at(f"{hour:02}:00"))
        asked += keys
        for key in keys:
            watch.run(key, status)
    assert asked == ["customers/2025-06-20", "customers/2025-06-20/2", "customers/2025-06-20/3"]
    assert watch.told is not None
    assert watch.told.startswith("2025-06-20 was requested 3 times and is not there: look at its runs. ")
    assert watch.alerts == ["given-up/customers/2025-06-20"]


def test_a_day_that_is_there_after_its_third_run_failed_is_no_alert(watch: Watch) -> None:
    watch.source.complete = {DAY}
    for hour in (5, 6, 7):
        assert watch.alerts == []
        (key,) = watch.requested(at(f"{hour:02}:00"))
        watch.run(key, dg.DagsterRunStatus.FAILURE)
    watch.publish(DAY)
    watch.requested(at("08:00"))
    assert watch.alerts == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_day_whose_run_is_under_way_is_not_asked_for_again(watch: Watch, status: dg.DagsterRunStatus) -> None:
    watch.source.complete = {DAY}
    (key,) = watch.requested(at("05:00"))
    watch.run(key, status)
    assert watch.requested(at("06:00")) == []
    assert watch.told is not None
    assert watch.told.startswith("2025-06-20 is requested and not there yet. ")


def test_a_day_whose_run_is_retried_by_dagster_is_not_asked_for_again(watch: Watch) -> None:
    watch.source.complete = {DAY}
    (key,) = watch.requested(at("05:00"))
    watch.run(key, dg.DagsterRunStatus.FAILURE, will_retry="true")
    assert watch.requested(at("05:30")) == []
    (first,) = watch.instance.get_runs()
    tags = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
    watch.instance.add_run(dg.DagsterRun("customers", status=dg.DagsterRunStatus.STARTED, tags=tags))
    assert watch.requested(at("06:00")) == []


def test_the_state_is_kept_as_the_cursor() -> None:
    state = DataSetState(DAY, at("05:00"), {DAY: 2})
    assert state_of(state.to_text()) == state
    assert state_of(None) == state_of(DataSetState().to_text()) == DataSetState()
    for broken in ("2025-06-20", "{}", "[]"):
        with pytest.raises(SettingsError, match="reset it in the UI"):
            state_of(broken)
