"""The company's data sets, from its database to Optimove's side, through Dagster and over a real SFTP connection."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.watermarks import watermark
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import DAYS, NEWEST, TODAY, Place, begin, end, query, run, settle

NAMES = ("customers", "transactions", "games", "game_types_and_categories", "events")
SENT_DAYS = DAYS[1:]
KEYS = {
    "customers": "Player_ID",
    "transactions": "Transaction_ID",
    "games": 'Game_Date, "Player_ID", "Game_ID", "Platform"',
    "events": "event_id",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = tmp_path_factory.mktemp("company")
    with running_sandbox(preset="tiny", today=TODAY, windows=(), folder=str(folder)) as sandbox:
        yield sandbox


def place_of(root: Path, company: RunningSandbox, **datasets: Any) -> Place:
    """Return a fresh place that sends the company's data sets, to an inbox that is empty."""
    shutil.rmtree(Path(str(company.options.folder)) / "sftp" / "in")
    (Path(str(company.options.folder)) / "sftp" / "in").mkdir()
    company.faults()
    found = company.settings()
    found["datasets"] |= datasets
    return without_history(settle(root, company, **found, delivery={"reports": "none", "datasets": ["sandbox"]}))


def deliver(place: Place, *options: str, first: date = NEWEST, last: date = NEWEST) -> Any:
    return run(place, "deliver", "--from", str(first), "--to", str(last), *options)


def accepted(company: RunningSandbox) -> Counter[str]:
    """Return the rows that Optimove's side accepted, by table, and none if a file was rejected."""
    rows: Counter[str] = Counter()
    for file in company.deliveries()["files"]:
        assert file["accepted"], file
        rows[file["table"].lower()] += file["rows"]
    return rows


def files(company: RunningSandbox) -> list[str]:
    return sorted(file["file"] for file in company.deliveries()["files"])


@dataclass(frozen=True, slots=True)
class Sent:
    place: Place
    company: RunningSandbox
    told: str


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, company: RunningSandbox) -> Sent:
    """Two days of all data sets, delivered one after the other; tests of it change nothing."""
    place = place_of(tmp_path_factory.mktemp("sent"), company, first_day=str(SENT_DAYS[0]))
    # Not by one command: of the days of one command each repeats the rows of its overlap.
    for day in SENT_DAYS:
        ended = deliver(place, first=day, last=day)
        assert ended.code == 0, ended.told
    keep = tmp_path_factory.mktemp("kept") / "in"
    shutil.copytree(Path(str(company.options.folder)) / "sftp" / "in", keep)
    return Sent(place, company, ended.told)


def test_optimoves_side_accepts_every_row_of_every_day(sent: Sent) -> None:
    rows = accepted(sent.company)
    for name in NAMES:
        ((found,),) = (row.values() for row in query(sent.place, f"SELECT count(*) AS rows FROM datasets.{name}"))
        assert rows[name] == found > 0
    days = sent.company.deliveries()["days"]
    assert [day["day"] for day in days if day["complete"]] == [day.isoformat() for day in SENT_DAYS]


def test_no_version_of_a_row_is_sent_twice_though_windows_overlap(sent: Sent) -> None:
    for name, key in KEYS.items():
        change = '"LastUpdated"'
        sql = f"SELECT {key} FROM datasets.{name} GROUP BY {key}, {change} HAVING count(*) > 1"
        assert query(sent.place, sql) == []


def test_broken_rows_are_kept_with_their_reason_and_told_of(sent: Sent) -> None:
    found = query(sent.place, "SELECT DISTINCT split_part(rule, ':', 1) AS rule FROM quarantine.customers ORDER BY 1")
    assert {row["rule"] for row in found} >= {"length", "allowed"}
    orphans = query(sent.place, "SELECT rule FROM quarantine.transactions WHERE rule LIKE '%reference:Player_ID%'")
    assert orphans


def test_the_watermark_of_each_target_is_the_end_of_the_last_day(sent: Sent) -> None:
    ledger = ledger_file(sent.place.data)
    for name in KEYS:
        assert watermark(ledger, name, "sandbox") == datetime(2025, 6, 20, tzinfo=UTC)
    (row,) = query(sent.place, "SELECT count(*) AS moves FROM ops.watermarks WHERE feed = 'customers'")
    assert row["moves"] == len(SENT_DAYS)


def test_the_ledger_has_each_file_once(sent: Sent) -> None:
    rows = query(sent.place, "SELECT name, state, version FROM ops.deliveries")
    assert sorted(row["name"] for row in rows) == [Path(name).name for name in files(sent.company)]
    assert {(row["state"], row["version"]) for row in rows} == {("delivered", 1)}


def test_names_carry_the_business_day_and_the_readiness(sent: Sent) -> None:
    assert f"Customers_{NEWEST:%Y%m%d}_060000_001.csv.gz" in files(sent.company)
    assert f"Events_{NEWEST:%Y%m%d}_060000_001.json.gz" in files(sent.company)


def test_a_command_that_is_killed_while_it_delivers_has_sent_each_file_once_after_the_next(
    tmp_path: Path, company: RunningSandbox
) -> None:
    chosen = ["customers", "transactions", "game_types_and_categories"]
    place = place_of(tmp_path, company, select=chosen)
    inbox = Path(str(company.options.folder)) / "sftp" / "in"
    process = begin(place, "deliver", "--from", str(NEWEST), "--to", str(NEWEST))
    for line in process.stderr:
        if line.startswith("delivered/"):
            break
    process.send_signal(signal.SIGKILL)
    assert end(process).code == -signal.SIGKILL
    before = {file.name: file.stat().st_ino for file in inbox.iterdir() if not file.name.startswith(".")}
    assert before
    ended = deliver(place)
    assert ended.code == 0, ended.told
    after = {file.name: file.stat().st_ino for file in inbox.iterdir() if not file.name.startswith(".")}
    assert before.items() <= after.items()
    assert len(after) == len(chosen)
    assert accepted(company).total() > 0


def test_a_day_that_is_too_small_waits_until_a_person_answers_for_it(tmp_path: Path, company: RunningSandbox) -> None:
    place = place_of(tmp_path, company, select=["customers"], volume={"factor": 1.0, "most": 100.0})
    assert deliver(place, first=DAYS[0], last=DAYS[0]).code == 0
    held = deliver(place, first=DAYS[1], last=DAYS[1])
    assert held.code == 1
    assert f"delivered/customers of {DAYS[1]} is held back. data_volume: " in held.told
    assert len(files(company)) == 1
    approved = run(place, "approve", "customers", str(DAYS[1]), "--by", "Ada", "--reason", "a holiday")
    assert approved.code == 0, approved.told
    assert deliver(place, first=DAYS[1], last=DAYS[1]).code == 0
    assert len(files(company)) == 2
    (row,) = query(place, "SELECT approved_by, reason FROM ops.approvals")
    assert row == {"approved_by": "Ada", "reason": "a holiday"}


def test_a_dry_run_makes_the_files_and_sends_nothing(tmp_path: Path, company: RunningSandbox) -> None:
    place = place_of(tmp_path, company, select=["customers"])
    assert deliver(place, "--dry-run").code == 0
    assert [file.name for file in (place.data / "packages").rglob("*.gz")] == [
        f"Customers_{NEWEST:%Y%m%d}_060000_001.csv.gz"
    ]
    assert files(company) == []


def test_a_partition_that_breaks_its_contract_too_often_is_held_back_alone_where_none_waits_for_others(
    tmp_path: Path, company: RunningSandbox
) -> None:
    chosen = ["customers", "game_types_and_categories"]
    place = place_of(tmp_path, company, select=chosen, tolerated_share=0.0, missing_files="warn")
    ended = deliver(place)
    assert ended.code == 1
    assert f"validated/customers of {NEWEST} is held back" in ended.told
    assert {name.partition("_2025")[0] for name in files(company)} == {"Game_Types_and_Categories"}
    assert query(place, "SELECT count(*) > 0 AS shown FROM quarantine.customers") == [{"shown": True}]


def test_forgotten_customers_are_in_nothing_that_is_sent_again(tmp_path: Path, company: RunningSandbox) -> None:
    place = place_of(tmp_path, company, select=["customers"])
    assert deliver(place).code == 0
    (row, *_) = query(place, 'SELECT "Player_ID" AS id FROM datasets.customers ORDER BY 1')
    before = accepted(company)["customers"]
    assert run(place, "forget", str(row["id"])).code == 0
    ended = deliver(place, "--redeliver", "a customer is to be forgotten")
    assert ended.code == 0, ended.told
    assert accepted(company)["customers"] == before + before - 1
    assert [name for name in files(company) if name.endswith("_001_v2.csv.gz")]


def test_hours_are_partitions_of_their_own(tmp_path: Path, company: RunningSandbox) -> None:
    place = place_of(tmp_path, company, select=["customers"], each={"customers": hourly(company)}, overlap_hours=0)
    ended = deliver(place)
    assert ended.code == 0, ended.told
    assert len(files(company)) == 24
    assert f"Customers_{NEWEST:%Y%m%d}_235959_001.csv.gz" in files(company)
    (row,) = query(place, "SELECT count(DISTINCT _partition) AS hours, count(*) AS rows FROM datasets.customers")
    assert 1 < row["hours"] <= 24
    assert accepted(company)["customers"] == row["rows"]


def hourly(company: RunningSandbox) -> dict[str, Any]:
    own: dict[str, Any] = company.settings()["datasets"]["each"]["customers"]
    # Hours without any change are no mistake of the company's.
    return {**own, "cadence": "hourly", "volume": {"blocks": False}}


def test_the_history_before_the_first_day_is_sent_by_the_month(tmp_path: Path, company: RunningSandbox) -> None:
    place = place_of(tmp_path, company, select=["customers"], first_day="2025-06-01", history_months=2)
    ended = run(place, "deliver", "--history")
    assert ended.code == 0, ended.told
    assert files(company) == [f"Customers_full_2025{month}01_000000_001.csv.gz" for month in ("04", "05")]
    (row,) = query(place, 'SELECT min("LastUpdated") AS oldest, max("LastUpdated") AS newest FROM datasets.customers')
    assert datetime(2025, 4, 1) <= row["oldest"] <= row["newest"] < datetime(2025, 6, 1)  # noqa: DTZ001 - as in tables
    assert watermark(ledger_file(place.data), "customers", "sandbox") == datetime(2025, 6, 1, tzinfo=UTC)
