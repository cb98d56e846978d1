"""The check of missing files: each expected one, at each target, as the ledger knows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.datasets.dataset import Content, Dataset
from optimove_pipeline.datasets.missing_files import MissingFile, beginning_of, missing_files
from optimove_pipeline.ledger import Entry, Ledger, ledger_file, new_id
from optimove_pipeline.settings.packages import Packages

DAY = date(2026, 11, 20)
NAMES = {"customers": "Customers", "bets": "Bets", "bets_details": "Bets_Details"}
EXPECTED = [
    Dataset(name=name, title=table, group="datasets", columns=(), key=(), table=table, content=Content.FACTS)
    for name, table in NAMES.items()
]
TARGETS = dict.fromkeys(NAMES, ("sftp", "bucket"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(ledger_file(tmp_path))


def entry(feed: str, target: str, name: str, part: int = 1, rows: int = 5) -> Entry:
    return Entry(new_id(), target, feed, DAY, 1, part, name, rows, 50, "abc", "run-1")


def deliver(ledger: Ledger, *entries: Entry) -> None:
    for each in ledger.plan(entries):
        ledger.deliver(ledger.begin(each, "run-1"))


def deliver_all(ledger: Ledger, *left_out: tuple[str, str]) -> None:
    for name, table in NAMES.items():
        for target in TARGETS[name]:
            if (name, target) not in left_out:
                deliver(ledger, entry(name, target, f"{table}_20261120_060000_001.csv.gz"))


def test_nothing_is_missing_once_every_file_is_at_every_target(ledger: Ledger) -> None:
    deliver_all(ledger)
    assert missing_files(EXPECTED, DAY, ledger, TARGETS, NAMES) == []


def test_what_was_never_delivered_is_named_by_data_set_and_target(ledger: Ledger) -> None:
    deliver_all(ledger, ("bets", "sftp"), ("bets", "bucket"), ("customers", "sftp"))
    assert missing_files(EXPECTED, DAY, ledger, TARGETS, NAMES) == [
        MissingFile("customers", "sftp", "nothing was delivered"),
        MissingFile("bets", "bucket", "nothing was delivered"),
        MissingFile("bets", "sftp", "nothing was delivered"),
    ]
    assert len(missing_files(EXPECTED, date(2026, 11, 21), ledger, TARGETS, NAMES)) == 6


def test_a_table_whose_name_begins_like_anothers_does_not_stand_for_it(ledger: Ledger) -> None:
    deliver_all(ledger, ("bets", "sftp"))
    assert [each.dataset for each in missing_files(EXPECTED, DAY, ledger, TARGETS, NAMES)] == ["bets"]


def test_a_data_set_is_expected_at_its_own_targets_alone(ledger: Ledger) -> None:
    deliver_all(ledger, ("bets", "sftp"), ("customers", "bucket"))
    own = {"customers": ("sftp",), "bets": (), "bets_details": ("bucket",)}
    assert missing_files(EXPECTED, DAY, ledger, own, NAMES) == []


def test_a_part_without_rows_counts_as_present(ledger: Ledger) -> None:
    deliver(ledger, entry("customers", "sftp", "Customers_20261120_060000_001.csv.gz", rows=0))
    assert missing_files(EXPECTED[:1], DAY, ledger, {"customers": ["sftp"]}, NAMES) == []


def test_a_manifest_alone_does_not(ledger: Ledger) -> None:
    deliver(ledger, entry("customers", "sftp", "manifests/Customers_manifest.json", part=0))
    (missing,) = missing_files(EXPECTED[:1], DAY, ledger, {"customers": ["sftp"]}, NAMES)
    assert missing.reason == "nothing was delivered"


def test_a_part_that_is_left_makes_the_file_missing(ledger: Ledger) -> None:
    deliver(ledger, entry("customers", "sftp", "Customers_001.csv.gz"))
    (second,) = ledger.plan([entry("customers", "sftp", "Customers_002.csv.gz", part=2)])
    ledger.fail(ledger.begin(second, "run-1"), "cut", in_doubt=False)
    (missing,) = missing_files(EXPECTED[:1], DAY, ledger, {"customers": ["sftp"]}, NAMES)
    assert missing.reason == "1 of 2 files are not delivered, the first is Customers_002.csv.gz (failed)"


@pytest.mark.parametrize(
    ("name", "found"), [("prod/Customers_1.csv", True), ("x_Customers_1.csv", False), ("customers_1.csv", False)]
)
def test_files_are_known_by_how_their_names_begin(ledger: Ledger, name: str, found: bool) -> None:
    deliver(ledger, entry("customers", "sftp", name))
    reasons = [each.reason for each in missing_files(EXPECTED[:1], DAY, ledger, {"customers": ["sftp"]}, NAMES)]
    expected = f"the name of {name} does not begin with Customers, which Optimove looks for"
    assert reasons == ([] if found else [expected])


@pytest.mark.parametrize(
    ("settings", "beginning"),
    [
        ({}, "Customers_"),
        ({"each": {"customers": {"table": "Players"}}}, "Players_"),
        ({"name": "casino-{feed}.{table}-{date}-{part}.{extension}"}, "casino-customers.Customers-"),
        ({"name": "{part:03d}_{table}_{date}"}, ""),
    ],
)
def test_names_begin_as_they_are_packaged(ledger: Ledger, settings: dict[str, Any], beginning: str) -> None:
    assert beginning_of(Packages.model_validate(settings), EXPECTED[0]) == beginning
    deliver(ledger, entry("customers", "sftp", f"{beginning}20261120_1.csv"))
    assert missing_files(EXPECTED[:1], DAY, ledger, {"customers": ["sftp"]}, {"customers": beginning}) == []


def test_hours_are_looked_for_one_by_one(ledger: Ledger) -> None:
    hour = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
    deliver(ledger, replace(entry("customers", "sftp", "Customers_1.csv"), day=hour))
    targets = {"customers": ["sftp"]}
    assert missing_files(EXPECTED[:1], hour, ledger, targets, NAMES) == []
    assert len(missing_files(EXPECTED[:1], hour.replace(hour=15), ledger, targets, NAMES)) == 1


def test_of_a_target_that_takes_tables_no_files_are_looked_for(ledger: Ledger) -> None:
    (customers, *_), targets, beginnings = EXPECTED, {"customers": ("tables",)}, {"customers": "Customers_"}
    assert missing_files([customers], DAY, ledger, targets, beginnings, ["tables"])
    deliver(ledger, entry("customers", "tables", "Customers"))
    assert missing_files([customers], DAY, ledger, targets, beginnings, ["tables"]) == []
    assert missing_files([customers], DAY, ledger, targets, beginnings)
