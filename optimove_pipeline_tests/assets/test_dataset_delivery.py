"""How far a delivered package moves its data set's watermark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from optimove_pipeline.assets.dataset_delivery import dataset_passage
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.history import partition_window
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.session import Session
from optimove_pipeline.watermarks import watermark
from optimove_pipeline_tests.datasets.rows import dataset_named

FIRST = date(2026, 11, 15)
CUSTOMERS = dataset_named("customers")

Recorded = Callable[..., datetime | None]


@dataclass(frozen=True, slots=True)
class Run:
    """What recording asks a session for."""

    settings: Settings
    run_id: str = "a run"


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    def record(
        *partitions: date, dataset: Dataset = CUSTOMERS, tenant: Any = None, **datasets: Any
    ) -> datetime | None:
        """Return the watermark after partitions were delivered, in this order."""
        document = {"datasets": datasets, "tenant": tenant or {}}
        settings = parse_settings(document, source="a test", data_dir=tmp_path)
        for partition in partitions:
            dataset_passage(dataset).record(
                cast(Session, Run(settings)), package(settings, dataset, partition), "sftp"
            )
        return watermark(ledger_file(tmp_path), dataset.name, "sftp")

    return record


def package(settings: Settings, dataset: Dataset, partition: date) -> Package:
    return Package(
        feed=dataset.name,
        day=partition,
        folder=settings.packages_folder,
        table=dataset.table,
        format="csv",
        parts=(),
        rows=0,
        columns={},
        fingerprint="",
        source="",
        window=partition_window(settings, dataset, partition),
        watermark=None,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def day(number: int) -> date:
    """Return a day, by its place after the first one."""
    return FIRST + timedelta(days=number)


def midnight(number: int) -> datetime:
    return datetime(2026, 11, 15, tzinfo=UTC) + timedelta(days=number)


def test_the_days_from_the_first_one_on_move_it(recorded: Recorded) -> None:
    assert recorded(day(0), day(1), first_day=FIRST) == midnight(2)


def test_a_day_after_one_that_is_missing_does_not(recorded: Recorded) -> None:
    assert recorded(day(1), first_day=FIRST) is None
    assert recorded(day(0), first_day=FIRST) == midnight(2)
    assert recorded(day(4), first_day=FIRST) == midnight(2)
    assert recorded(day(2), day(3), first_day=FIRST) == midnight(5)


def test_without_a_first_day_it_begins_with_the_first_one_delivered(recorded: Recorded) -> None:
    assert recorded(day(3), day(5)) == midnight(4)


def test_a_day_that_holds_all_rows_moves_it_whatever_is_missing(recorded: Recorded) -> None:
    snapshot = replace(CUSTOMERS, load=Load.SNAPSHOT)
    assert recorded(day(0), day(4), dataset=snapshot, first_day=FIRST) == midnight(5)


def test_the_months_of_history_and_the_days_after_them_are_one_run(recorded: Recorded) -> None:
    months = (Month(2026, 9, 1), Month(2026, 10, 1), Month(2026, 11, 1))
    own: dict[str, Any] = {"first_day": FIRST, "history_months": 2}
    assert recorded(months[2], **own) is None
    assert recorded(months[0], **own) == datetime(2026, 10, 1, tzinfo=UTC)
    assert recorded(months[1], **own) == midnight(0)
    assert recorded(day(0), **own) == midnight(1)


def test_hours_follow_each_other(recorded: Recorded) -> None:
    hours = [datetime(2026, 11, 15, hour) for hour in range(4)]  # noqa: DTZ001 - as partitions are
    assert recorded(hours[0], hours[1], hours[3], first_day=FIRST) == midnight(0) + timedelta(hours=2)


def test_where_days_begin_at_half_past_the_first_hour_is_that_in_which_the_first_day_does(recorded: Recorded) -> None:
    hours = [datetime(2026, 11, 14, hour) for hour in (18, 19)]  # noqa: DTZ001 - as partitions are
    assert recorded(*hours, tenant={"timezone": "Asia/Kolkata"}, first_day=FIRST) == datetime(
        2026, 11, 14, 20, tzinfo=UTC
    )
