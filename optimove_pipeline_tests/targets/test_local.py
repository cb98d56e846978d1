"""Packages delivered to a folder: once each, never over something else, whoever asks how often."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from optimove_pipeline.deliveries_table import copy_ledger
from optimove_pipeline.errors import PartitionError
from optimove_pipeline.ledger import Ledger, State
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.stages.planned_files import versioned
from optimove_pipeline.targets.check import check
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.target import Target
from optimove_pipeline_tests.targets.goods import DAY, FEED, contents, entries, held, named, package, states
from optimove_pipeline_tests.targets.opened import opened


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def local(tmp_path: Path, **settings: object) -> Target:
    return opened("share", {"kind": "local", **settings}, tmp_path)


def test_a_package_is_delivered_whole_and_recorded(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents())
    delivered = deliver(made, local(tmp_path), ledger, "run-1")
    assert held(outbox) == named(made)
    assert (delivered.sent, delivered.rows, delivered.bytes) == (3, 60, made.bytes)
    assert delivered.files == tuple(part.name for part in made.parts)
    for entry, part in zip(entries(ledger, "share"), made.parts, strict=True):
        assert (entry.name, entry.rows, entry.bytes, entry.sha256) == (part.name, part.rows, part.bytes, part.sha256)
        assert (entry.state, entry.attempts, entry.run_id, entry.version) == (State.DELIVERED, 1, "run-1", 1)
        assert entry.started_at is not None
        assert entry.finished_at is not None
        assert entry.planned_at <= entry.started_at <= entry.finished_at


def test_delivering_a_delivered_package_again_does_nothing(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents())
    deliver(made, local(tmp_path), ledger, "run-1")
    for taken in outbox.iterdir():
        taken.unlink()
    again = deliver(made, local(tmp_path), ledger, "run-2")
    assert (again.sent, held(outbox)) == (0, {})
    assert {entry.run_id for entry in entries(ledger, "share")} == {"run-1"}


def test_a_redelivery_has_new_names_and_its_reason(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2))
    deliver(made, local(tmp_path), ledger, "run-1")
    again = deliver(made, local(tmp_path), ledger, "run-2", redeliver="lost at the receiver")
    assert sorted(held(outbox)) == [
        "Customers_20261120_001.csv.gz",
        "Customers_20261120_001_v2.csv.gz",
        "Customers_20261120_002.csv.gz",
        "Customers_20261120_002_v2.csv.gz",
    ]
    assert again.version == 2
    assert {entry.reason for entry in entries(ledger, "share")} == {"lost at the receiver"}


def test_who_asks_for_a_redelivery_again_with_the_same_reason_sends_nothing(tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2))
    deliver(made, local(tmp_path), ledger, "run-1")
    deliver(made, local(tmp_path), ledger, "run-2", redeliver="lost")
    for run_id in ("run-2", "run-3"):
        again = deliver(made, local(tmp_path), ledger, run_id, redeliver="lost")
        assert (again.version, again.sent) == (2, 0)
    assert deliver(made, local(tmp_path), ledger, "run-4", redeliver="lost once more").version == 3
    changed = package(tmp_path / "package", contents(2, seed=2))
    assert deliver(changed, local(tmp_path), ledger, "run-5", redeliver="lost once more").version == 4


def test_a_redelivery_to_a_target_that_never_had_the_day_has_the_plain_names(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(2))
    first = deliver(made, local(tmp_path), ledger, "run-1", redeliver="wrong consents")
    assert held(outbox) == named(made)
    again = deliver(made, local(tmp_path), ledger, "run-2", redeliver="wrong consents")
    assert (first.version, first.sent, again.version, again.sent) == (1, 2, 1, 0)


def test_a_changed_package_of_a_delivered_day_needs_a_reason(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    deliver(package(tmp_path / "package", contents(seed=1)), local(tmp_path), ledger, "run-1")
    before = held(outbox)
    changed = package(tmp_path / "package", contents(seed=2))
    with pytest.raises(PartitionError, match="customers of 2026-11-20: 3 of 3 files were delivered to share"):
        deliver(changed, local(tmp_path), ledger, "run-2")
    assert held(outbox) == before
    deliver(changed, local(tmp_path), ledger, "run-3", redeliver="late rows")
    assert len(held(outbox)) == 6


def test_a_changed_package_of_which_nothing_arrived_replaces_the_old_one(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    outbox.write_text("in the way")
    with pytest.raises(TargetError, match="Not a directory"):
        deliver(package(tmp_path / "package", contents(seed=1)), local(tmp_path), ledger, "run-1")
    outbox.unlink()
    changed = package(tmp_path / "package", contents(2, seed=2))
    deliver(changed, local(tmp_path), ledger, "run-2")
    assert held(outbox) == named(changed)
    assert states(ledger, "share") == [State.DELIVERED] * 2


def test_something_else_of_that_name_is_never_overwritten(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2))
    outbox.mkdir()
    foreign = outbox / made.parts[1].name
    foreign.write_bytes(b"of somebody else")
    with pytest.raises(TargetError, match=r"Customers_20261120_002\.csv\.gz is there already with 16 bytes"):
        deliver(made, local(tmp_path), ledger, "run-1")
    assert foreign.read_bytes() == b"of somebody else"
    assert states(ledger, "share") == [State.DELIVERED, State.FAILED]


def test_parts_that_lie_there_whole_are_not_sent_again_where_the_ledger_is_lost(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents())
    deliver(made, local(tmp_path), ledger, "run-1")
    written = {file.name: file.stat().st_mtime_ns for file in outbox.iterdir()}
    other = Ledger(tmp_path / "other" / "ledger.sqlite")
    deliver(made, local(tmp_path), other, "run-2")
    assert {file.name: file.stat().st_mtime_ns for file in outbox.iterdir()} == written
    assert states(other, "share") == [State.DELIVERED] * 3


def test_the_manifest_comes_last_and_into_its_folder(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents())
    target = local(tmp_path, manifest_folder="manifests")
    outbox.mkdir()
    (outbox / "manifests").write_text("in the way")
    with pytest.raises(TargetError, match="manifests"):
        deliver(made, target, ledger, "run-1")
    assert states(ledger, "share") == [State.DELIVERED] * 3 + [State.FAILED]
    (outbox / "manifests").unlink()
    assert deliver(made, target, ledger, "run-2").sent == 1
    assert held(outbox)["manifests/customers_20261120_manifest.json"] == made.manifest.read_bytes()


def test_a_part_that_was_changed_after_packaging_is_not_delivered(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1))
    made.file(made.parts[0]).write_bytes(b"x" * made.parts[0].bytes)
    with pytest.raises(TargetError, match="was changed after it was packaged"):
        deliver(made, local(tmp_path), ledger, "run-1")
    assert held(outbox) == {}


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(1, 2_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(TargetError, match=r"File too large; expected a folder .* on a disk with room"):
            deliver(made, local(tmp_path), ledger, "run-1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert held(outbox) == {}
    assert states(ledger, "share") == [State.FAILED]


def test_two_at_once_deliver_once(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(4))
    sent = []

    def run(number: int) -> None:
        sent.append(deliver(made, local(tmp_path), ledger, f"run-{number}").sent)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [0, 0, 0, 4]
    assert held(outbox) == named(made)


def test_days_and_feeds_are_delivered_apart(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    packages = [
        package(tmp_path / "a", contents(1)),
        package(tmp_path / "b", contents(1, seed=2), day=DAY.replace(day=21)),
        package(tmp_path / "c", contents(1, seed=3), feed="games"),
    ]
    for made in packages:
        assert deliver(made, local(tmp_path), ledger, "run-1").sent == 1
    assert len(held(outbox)) == 3


def test_an_empty_package_is_delivered_by_doing_nothing(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    assert deliver(package(tmp_path / "package", []), local(tmp_path), ledger, "run-1").files == ()
    assert not outbox.exists()


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("a.csv.gz", 1, "a.csv.gz"),
        ("a.csv.gz", 2, "a_v2.csv.gz"),
        ("folder.d/a_1.parquet", 3, "folder.d/a_1_v3.parquet"),
        ("plain", 2, "plain_v2"),
        ("crm.customers_20261120_001.csv.gz", 2, "crm.customers_20261120_001_v2.csv.gz"),
        ("crm.customers_20261120_001", 2, "crm.customers_20261120_001_v2"),
    ],
)
def test_a_version_comes_before_the_extensions(name: str, version: int, expected: str) -> None:
    assert versioned(name, version) == expected


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def test_the_ledger_is_copied_to_the_warehouse_as_it_changes(
    tmp_path: Path, ledger: Ledger, connection: duckdb.DuckDBPyConnection
) -> None:
    assert copy_ledger(connection, ledger) == 0
    made = package(tmp_path / "package", contents(2))
    deliver(made, local(tmp_path), ledger, "run-1")
    assert copy_ledger(connection, ledger) == 2
    assert copy_ledger(connection, ledger) == 0
    query = (
        'SELECT name, "rows", bytes, sha256, state, day, finished_at >= started_at FROM ops.deliveries ORDER BY part'
    )
    assert connection.execute(query).fetchall() == [
        (part.name, part.rows, part.bytes, part.sha256, "delivered", DAY, True) for part in made.parts
    ]


def test_a_copied_row_is_replaced_when_its_record_changes(
    tmp_path: Path, ledger: Ledger, connection: duckdb.DuckDBPyConnection
) -> None:
    made = package(tmp_path / "package", contents(1))
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(TargetError):
        deliver(made, local(tmp_path), ledger, "run-1")
    copy_ledger(connection, ledger)
    (tmp_path / "outbox").unlink()
    deliver(made, local(tmp_path), ledger, "run-2")
    assert copy_ledger(connection, ledger) == 1
    rows = connection.execute("SELECT state, attempts, problem, run_id FROM ops.deliveries").fetchall()
    assert rows == [("delivered", 2, None, "run-2")]


def test_a_ledger_that_began_anew_is_copied_beside_what_was_there(
    tmp_path: Path, ledger: Ledger, connection: duckdb.DuckDBPyConnection
) -> None:
    deliver(package(tmp_path / "package", contents(3)), local(tmp_path), ledger, "run-1")
    copy_ledger(connection, ledger)
    other = Ledger(tmp_path / "other" / "ledger.sqlite")
    deliver(package(tmp_path / "games", contents(1), feed="games"), local(tmp_path), other, "run-2")
    assert copy_ledger(connection, other) == 1
    counted = connection.execute("SELECT feed, count(*) FROM ops.deliveries GROUP BY ALL ORDER BY ALL").fetchall()
    assert counted == [(FEED, 3), ("games", 1)]


def test_a_check_writes_renames_reads_and_deletes(tmp_path: Path, outbox: Path) -> None:
    steps = check(local(tmp_path))
    assert [step.step for step in steps] == ["connect", "write", "rename", "read back", "delete"]
    assert all(step.passed for step in steps)
    assert held(outbox) == {}


def test_a_check_ends_at_the_step_that_fails_and_says_what_to_do(tmp_path: Path, outbox: Path) -> None:
    outbox.write_text("in the way")
    *_, last = check(local(tmp_path))
    assert (last.step, last.passed) == ("write", False)
    assert "expected a folder that this user may write" in last.fix
