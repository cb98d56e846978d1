"""The check of missing files: of a package before it leaves, and of its whole day once it is delivered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dagster as dg

from optimove_pipeline.assets.dataset_delivery import dataset_passage
from optimove_pipeline.assets.passage import Judged
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.session import Session
from optimove_pipeline_tests.assets.casino import FIRST, casino
from optimove_pipeline_tests.assets.test_dataset_delivery import package
from optimove_pipeline_tests.datasets.rows import dataset_named
from optimove_pipeline_tests.end_to_end.place import Place, checks, materialise

CUSTOMERS = dataset_named("customers")
READ, SENT = ("dataset", "validated", "published"), ("packaged", "delivered")
TABLES = {
    "kind": "postgres",
    "host": "db",
    "database": "optimove",
    "username": "loader",
    "password": "${LOADER}",
    "reader_password": "${READER}",
    "reader_hosts": ["203.0.113.0/24"],
}


def place_of(folder: Path, **datasets: Any) -> Place:
    """Return two data sets with customers, so that a day is whole with both."""
    return casino(
        folder,
        select=["customers", "transactions"],
        each={
            "customers": {"table": "customers"},
            "transactions": {
                "query": 'SELECT \'T\' || "Player_ID" AS "Transaction_ID", "Player_ID", "LastUpdated", '
                '"LastUpdated" AS "Transaction_Date", \'Deposit\' AS "Transaction_Type", '
                '1.5 AS "Transaction_Amount" FROM customers'
            },
        },
        **datasets,
    )


def missing(run: dg.ExecuteInProcessResult, asset: str) -> dg.AssetCheckEvaluation:
    return checks(run, asset)["missing_files"]


def test_what_else_is_missing_of_the_day_is_told_until_the_last_data_set_is_delivered(tmp_path: Path) -> None:
    place = place_of(tmp_path, missing_files="warn")
    assert materialise(place, "customers", "transactions", days=[FIRST], stages=READ).success
    early = missing(materialise(place, "customers", days=[FIRST], stages=SENT), "delivered/customers")
    assert (early.passed, early.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert early.description == "transactions of 2020-03-01 at outbox: nothing was delivered (validated)"
    last = missing(materialise(place, "transactions", days=[FIRST], stages=SENT), "delivered/transactions")
    assert (last.passed, last.description) == (True, None)


def test_nothing_of_a_day_is_sent_before_all_that_is_expected_of_it_is_packaged(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    assert materialise(place, "customers", "transactions", days=[FIRST], stages=READ).success
    early = materialise(place, "customers", days=[FIRST], stages=SENT)
    assert not early.success
    (failure,) = [event for event in early.all_events if event.is_step_failure]
    assert "missing_files: Optimove expects transactions of that day as well" in str(failure.event_specific_data)
    assert not list((place.data / "outbox").rglob("*.gz"))
    assert materialise(place, "transactions", days=[FIRST], stages=SENT).success
    assert materialise(place, "customers", days=[FIRST], stages=SENT[1:]).success


@dataclass(frozen=True, slots=True)
class Run:
    """What judging asks a session for."""

    settings: Settings


def judged(folder: Path, *targets: str) -> Judged:
    """Return what the check says of a package without files."""
    document: dict[str, Any] = {
        "targets": {"tables": TABLES},
        "delivery": {"datasets": list(targets)},
        "datasets": {"preset": "casino", "select": ["customers"]},
    }
    settings = parse_settings(document, source="a test", data_dir=folder)
    made = package(settings, CUSTOMERS, FIRST)
    every = dataset_passage(CUSTOMERS).judge(cast(Session, Run(settings)), made)
    return next(each for each in every if each.check == "missing_files")


def test_where_all_targets_take_tables_no_file_is_needed(tmp_path: Path) -> None:
    assert judged(tmp_path, "tables").passed
    assert not judged(tmp_path, "tables", "outbox").passed
