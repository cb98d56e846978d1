"""Which earlier partitions count as delivered: those that every target has, as they are now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.datasets.earlier import delivered_before
from optimove_pipeline.datasets.known import known_of
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.settings.target import FileTargetSettings
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.stages.package import package
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.datasets.rows import DAY, NOW, Row, dataset_named, extracted, row

CUSTOMERS = dataset_named("customers")
NEXT = DAY + timedelta(days=1)
TARGETS = ("outbox", "second")


def customer(name: str, changed: str = "2026-11-19 10:00:00") -> Row:
    return row("customers", Player_ID=name, LastUpdated=changed)


class Place:
    """A data directory with two targets, and the stages of a day in it."""

    def __init__(self, folder: Path, targets: object = TARGETS) -> None:
        document = {
            "targets": {"second": {"kind": "local", "folder": str(folder / "second")}},
            "delivery": {"datasets": targets if isinstance(targets, str) else list(TARGETS)},
        }
        self.settings: Settings = parse_settings(document, source="a test", data_dir=folder / "data")
        self.staging = Staging(folder / "staging")
        self.warehouse = Warehouse(folder / "warehouse.duckdb")

    def counted(self, day: date = NEXT) -> tuple[date, ...] | None:
        """Return what counts of a day that was extracted."""
        return delivered_before(self.settings, CUSTOMERS, day, self.staging)

    def validate(self, day: date, *rows: Row) -> DatasetValidation:
        """Extract and validate a day."""
        extracted(self.staging, CUSTOMERS, rows, day)
        counted = self.counted(day)
        with self.warehouse.open("looking up what is known") as connection:
            known = known_of(CUSTOMERS, day, self.staging, connection, counted=counted)
        own = DatasetSettings(tolerated_share=1.0)
        return validate_dataset(CUSTOMERS, day, self.staging, own, known, now=NOW + timedelta(days=2))

    def publish(self, day: date) -> None:
        """Publish a validated day."""
        publish(CUSTOMERS, [day], self.staging, self.warehouse, "a run")

    def deliver(self, day: date, *targets: str) -> int:
        """Package a validated day and deliver it; return how many files were sent."""
        settings = self.settings
        made = package(
            CUSTOMERS,
            self.staging.open("validated", CUSTOMERS.name, day),
            settings.packages.of(CUSTOMERS.name, table=CUSTOMERS.table),
            settings.packages_folder,
            ready=datetime(2026, 11, 21, 6, tzinfo=UTC),
        )
        sent = 0
        for name in targets or TARGETS:
            own = settings.target(name)
            assert isinstance(own, FileTargetSettings)
            target = own.open(name, settings.data_dir)
            sent += deliver(made, target, Ledger(ledger_file(settings.data_dir)), "a run").sent
        return sent


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_day_counts_once_every_target_has_it(place: Place) -> None:
    place.validate(DAY, customer("C1"))
    place.publish(DAY)
    assert place.validate(NEXT, customer("C1")).already_delivered == 0
    place.deliver(DAY, "outbox")
    assert place.validate(NEXT, customer("C1")).already_delivered == 0
    place.deliver(DAY, "second")
    assert place.validate(NEXT, customer("C1")).already_delivered == 1


def test_a_row_that_came_to_a_day_after_its_delivery_is_sent_with_the_next(place: Place) -> None:
    place.validate(DAY, customer("C1"))
    place.deliver(DAY)
    place.validate(DAY, customer("C1"), customer("C2"))
    place.publish(DAY)
    found = place.validate(NEXT, customer("C1"), customer("C2"))
    assert (found.rows, found.already_delivered) == (2, 0)


def test_a_day_made_alike_again_counts_once_it_is_known_to_be_alike(place: Place) -> None:
    place.validate(DAY, customer("C1"))
    place.deliver(DAY)
    place.validate(DAY, customer("C1"))
    assert place.deliver(DAY) == 0
    assert place.validate(NEXT, customer("C1")).already_delivered == 1


def test_a_day_that_was_sent_is_made_alike_whatever_was_delivered_since(place: Place) -> None:
    for day in (DAY, NEXT):
        place.validate(day, customer("C1"))
    for day in (DAY, NEXT):
        place.deliver(day)
    assert place.validate(NEXT, customer("C1")).rows == 1
    assert place.deliver(NEXT) == 0


def test_a_day_that_was_sent_leaves_out_the_same_rows_though_the_other_day_is_held_back_since(place: Place) -> None:
    place.validate(DAY, customer("C1"))
    place.publish(DAY)
    place.deliver(DAY)
    rows = (customer("C1"), customer("C2", "2026-11-20 10:00:00"))
    place.validate(NEXT, *rows)
    place.deliver(NEXT)
    place.staging.remove("validated", CUSTOMERS.name, DAY)
    assert place.validate(NEXT, *rows).already_delivered == 1
    assert place.deliver(NEXT) == 0


def test_later_days_and_those_before_the_window_are_not_looked_at(place: Place) -> None:
    for days in (-9, 0, 1):
        day = DAY + timedelta(days=days)
        place.validate(day, customer("C1", f"{day} 10:00:00"))
        place.deliver(day)
    extracted(place.staging, CUSTOMERS, [], NEXT + timedelta(days=1))
    assert place.counted(NEXT + timedelta(days=1)) == (DAY, NEXT)
    assert DAY - timedelta(days=9) not in (place.counted(DAY) or ())


def test_without_targets_what_is_published_counts(tmp_path: Path) -> None:
    place = Place(tmp_path, "none")
    place.validate(DAY, customer("C1"))
    assert place.counted(DAY) is None
    assert place.validate(NEXT, customer("C1")).already_delivered == 0
    place.publish(DAY)
    assert place.validate(NEXT, customer("C1")).already_delivered == 1
