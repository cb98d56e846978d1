"""``status``: how far the feeds of a day have come, what holds them back, and the time that is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.acknowledgements import Sign, accept
from optimove_pipeline.automation.acceptance import GROUP
from optimove_pipeline.commands.status import FeedStatus, Status, status_of
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.feed_standing import Stage
from optimove_pipeline.ledger import Entry, Ledger, ledger_file, new_id
from optimove_pipeline.packages import package_folder
from optimove_pipeline.settings.packages import Packages
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.commands.company import DAY, MORNING, NAMES, Company, tree
from optimove_pipeline_tests.datasets.test_masking import CASINO

AFTER = datetime(2025, 6, 20, 8, 30, tzinfo=UTC)
REPORT = "promo_codes"
CUSTOMERS = CASINO["customers"]


def feeds(status: Status) -> dict[str, FeedStatus]:
    return {each.feed: each for each in status.feeds}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    document = {
        "datasets": {"preset": "casino", "select": ["customers"]},
        "delivery": {"reports": "none", "each": {REPORT: ["outbox"]}},
    }
    return parse_settings(document, source="test", data_dir=tmp_path / "data")


def staged(settings: Settings, stage: str, rows: int = 3, feed: str = "customers", day: date = DAY) -> None:
    metadata = {"rows_in": 9, "by_rule": {"allowed:Gender": 2, "email:Email": 1}, "blocked_by": ["email:Email"]}
    with Staging(settings.data_dir / "staging").writing(stage, feed, day) as writer:
        writer.write(pl.DataFrame({"Player_ID": [f"P{number}" for number in range(rows)]}, {"Player_ID": pl.String}))
        writer.metadata |= metadata if stage == "quarantine" else {}


def packaged(settings: Settings, day: date = DAY) -> None:
    partition = Staging(settings.data_dir / "staging").open("validated", "customers", day)
    options = Packages().of("customers", table="Customers")
    package(CUSTOMERS, partition, options, settings.packages_folder, ready=MORNING)


def planned(settings: Settings, day: date = DAY) -> tuple[Ledger, Entry]:
    ledger = Ledger(ledger_file(settings.data_dir))
    entry = Entry(new_id(), "outbox", "customers", day, 1, 1, "Customers_1.csv.gz", 3, 30, "00", "run")
    return ledger, ledger.plan([entry])[0]


def test_a_delivered_day_shows_rows_files_watermark_and_that_it_is_to_be_accepted(delivered: Company) -> None:
    status = status_of(delivered.settings(), AFTER)
    assert (status.day, status.missing) == (DAY, ())
    assert [*feeds(status)] == [*NAMES]
    customers = feeds(status)["customers"]
    assert (customers.stage, customers.files, customers.targets) == ("delivered", 1, ("sandbox",))
    assert customers.rows > 100
    assert customers.bytes > 1_000
    assert customers.accepted == "not yet"
    assert customers.watermarks == {"sandbox": "2025-06-20 00:00"}
    assert customers.time == "delivered late"  # it was, long after that day
    assert not customers.late


def test_a_day_that_optimove_took_is_accepted(company: Company) -> None:
    path, at = ledger_file(company.place.data), datetime.now(UTC).timestamp()
    accept(path, GROUP, DAY, at, Sign.LAST_DATA_UPDATE, at + 1)
    assert {each.accepted for each in status_of(company.settings(), AFTER).feeds} == {"by GetLastDataUpdate"}


def test_nothing_is_there_yet_and_nothing_is_begun_by_looking(settings: Settings) -> None:
    status = status_of(settings, MORNING)
    assert {name: (each.stage, each.time) for name, each in feeds(status).items()} == {
        "customers": ("nothing yet", "1 h left"),
        REPORT: ("nothing yet", "5 h left"),
    }
    assert status.missing == ("customers of 2025-06-19 at outbox: nothing was delivered",)
    assert not settings.data_dir.exists()


def test_the_stage_is_the_last_that_was_reached(settings: Settings) -> None:
    def stage() -> str:
        return feeds(status_of(settings, MORNING))["customers"].stage

    seen = []
    steps: list[Callable[[], None]] = [
        lambda: staged(settings, "dataset", 9),
        lambda: staged(settings, "validated", 6),
        lambda: packaged(settings),
    ]
    for step in steps:
        step()
        seen.append(stage())
    assert seen == [Stage.EXTRACTED, Stage.VALIDATED, Stage.PACKAGED]


def test_a_report_is_told_of_by_the_same_stages(settings: Settings) -> None:
    staged(settings, "report", 9, REPORT)
    report = feeds(status_of(settings, MORNING))[REPORT]
    assert (report.kind, report.stage, report.rows, report.accepted) == ("report", "extracted", 9, None)


def test_a_day_that_its_rules_hold_back_says_which(settings: Settings) -> None:
    staged(settings, "dataset", 9)
    staged(settings, "quarantine", 3)
    customers = feeds(status_of(settings, MORNING))["customers"]
    assert (customers.stage, customers.rows, customers.quarantined) == ("held back", 9, 3)
    assert customers.problems == (
        "2025-06-19: 3 of 9 rows broke its rules: allowed:Gender 2, email:Email 1 (blocks)",
    )


def test_a_day_that_the_check_of_volume_holds_back_says_so(settings: Settings) -> None:
    staged(settings, "validated", 0)
    packaged(settings)
    (problem,) = feeds(status_of(settings, MORNING))["customers"].problems
    assert problem.startswith("2025-06-19: data_volume: 0 rows on 2025-06-19 (Thursday): there is nothing yet")


def test_a_file_that_the_target_did_not_take_says_why(settings: Settings) -> None:
    staged(settings, "validated", 3)
    packaged(settings)
    ledger, entry = planned(settings)
    ledger.fail(ledger.begin(entry, "run"), "the disk there is full", in_doubt=False)
    status = status_of(settings, AFTER)
    customers = feeds(status)["customers"]
    assert customers.stage == "packaged"
    assert customers.problems == ("2025-06-19: Customers_1.csv.gz to outbox: the disk there is full",)
    assert (customers.late, customers.time) == (True, "LATE by 2 h 30 min")
    assert "1 of 1 files are not delivered" in status.missing[0]


def test_the_hours_of_a_day_are_told_together(tmp_path: Path) -> None:
    datasets = {"preset": "casino", "select": ["customers"], "each": {"customers": {"cadence": "hourly"}}}
    settings = parse_settings(
        {"datasets": datasets, "delivery": {"reports": "none"}}, source="test", data_dir=tmp_path / "data"
    )
    hours = [datetime(2025, 6, 20, hour) for hour in range(4)]  # noqa: DTZ001 - partitions have no zone
    for hour in hours[:3]:
        ledger, entry = planned(settings, hour)
        ledger.deliver(ledger.verify(ledger.begin(entry, "run")))
    (customers,) = status_of(settings, MORNING.replace(hour=4, minute=10), date(2025, 6, 20)).feeds
    assert (customers.partitions, customers.delivered, customers.stage) == (4, 3, "nothing yet")
    assert (customers.time, customers.late) == ("20 min left", False)


def test_the_hours_of_a_day_east_of_utc_are_accepted_with_that_day(tmp_path: Path) -> None:
    document = {
        "tenant": {"timezone": "Asia/Tokyo"},
        "datasets": {"preset": "casino", "select": ["customers"], "each": {"customers": {"cadence": "hourly"}}},
        "delivery": {"reports": "none"},
    }
    settings = parse_settings(document, source="test", data_dir=tmp_path / "data")
    ledger, entry = planned(settings, datetime(2025, 6, 18, 15))  # noqa: DTZ001 - partitions have no zone
    ledger.deliver(ledger.verify(ledger.begin(entry, "run")))
    at = datetime.now(UTC).timestamp()
    for day, expected in ((DAY - timedelta(days=1), "not yet"), (DAY, "by GetLastDataUpdate")):
        accept(ledger.path, GROUP, day, at, Sign.LAST_DATA_UPDATE, at + 1)
        (customers,) = status_of(settings, datetime(2025, 6, 18, 16, 10, tzinfo=UTC), DAY).feeds
        assert customers.accepted == expected


def test_it_needs_no_warehouse_that_a_run_has(company: Company) -> None:
    with Warehouse(company.settings().warehouse_path).open("a long run"):
        ended = company.run("status", "--day", f"{DAY}")
    assert ended.exit_code == 0
    assert f"{DAY}" in ended.stdout
    line = next(line for line in ended.stdout.splitlines() if "customers" in line)
    assert "delivered" in line
    assert "2025-06-20 00:00" in line


def test_programs_get_json_and_another_day_is_empty(delivered: Company) -> None:
    before = tree(delivered.place.data)
    ended = delivered.run("status", "--json", "--day", f"{DAY - timedelta(days=5)}")
    told = json.loads(ended.stdout)
    assert told["day"] == "2025-06-14"
    assert {each["stage"] for each in told["feeds"]} == {"nothing yet"}
    assert {each["late"] for each in told["feeds"]} == {True}
    assert len(told["missing"]) == len(NAMES)
    assert tree(delivered.place.data) == before


def test_the_package_of_a_day_that_is_not_delivered_counts(company: Company) -> None:
    settings = company.settings()
    folder = package_folder(settings.packages_folder, "customers", DAY)
    ledger_file(settings.data_dir).unlink()
    customers = feeds(status_of(settings, AFTER))["customers"]
    assert folder.is_dir()
    assert (customers.stage, customers.files) == ("packaged", 1)
    assert customers.accepted == ""
