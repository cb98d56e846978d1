"""Staging: partitions that are there whole or not at all."""

import os
import signal
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.staging import ROWS_PER_PART, Partition, Staging
from optimove_pipeline_tests.children import child, line

DAY, NEXT_DAY = date(2026, 11, 19), date(2026, 11, 20)
A_DAY = 86_400.0


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def write(staging: Staging, values: list[str], day: date = DAY, *, rows_per_part: int = ROWS_PER_PART) -> None:
    with staging.writing("report", "promo_codes", day, rows_per_part=rows_per_part) as writer:
        writer.write(pl.DataFrame({"promo_code": values}, {"promo_code": pl.String}))


def held(staging: Staging, day: date = DAY) -> Partition:
    return staging.open("report", "promo_codes", day)


def values(partition: Partition, column: str = "promo_code") -> list[str | None]:
    return partition.scan([column]).collect()[column].to_list()


def files(staging: Staging, day: date = DAY) -> set[str]:
    return {path.name for path in staging.folder("report", "promo_codes", day).iterdir()}


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_partition_is_there_after_its_block(staging: Staging) -> None:
    with staging.writing("report", "promo_codes", DAY) as writer:
        writer.write(pl.DataFrame({"promo_code": ["A", "B"]}))
        assert writer.total == 2
        writer.metadata["calls"] = 1
        assert staging.find("report", "promo_codes", DAY) is None
    partition = held(staging)
    assert (partition.rows, partition.metadata, partition.columns) == (2, {"calls": 1}, {"promo_code": "String"})
    assert values(partition) == ["A", "B"]


def test_what_is_not_there_is_named(staging: Staging) -> None:
    with pytest.raises(PartitionError, match="report/promo_codes of 2026-11-19 is not there: materialise it first"):
        held(staging)


def test_an_error_leaves_the_partition_before_it_and_no_files(staging: Staging) -> None:
    write(staging, ["old"])
    before = files(staging)
    with suppress(KeyboardInterrupt), staging.writing("report", "promo_codes", DAY, rows_per_part=1) as writer:
        writer.write(pl.DataFrame({"promo_code": ["new", "newer"]}))
        assert files(staging) > before
        raise KeyboardInterrupt
    assert values(held(staging)) == ["old"]
    assert files(staging) == before


def test_an_error_while_rows_are_written_leaves_the_partition_before_it(staging: Staging) -> None:
    write(staging, ["old"])
    before = files(staging)
    with pytest.raises(pl.exceptions.ComputeError), staging.writing("report", "promo_codes", DAY) as writer:
        writer.write(pl.DataFrame({"promo_code": [object()]}))
    assert values(held(staging)) == ["old"]
    assert files(staging) == before


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
import polars as pl
from optimove_pipeline import staging

root, moment = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "before the manifest":
    staging.write_atomically = die
with staging.Staging(root).writing("report", "promo_codes", date(2026, 11, 19), rows_per_part=2) as writer:
    for number in range(9):
        writer.write(pl.DataFrame({"promo_code": [f"new {number}"]}))
        if moment == f"after row {number}":
            die()
"""


@pytest.mark.parametrize("moment", ["after row 0", "after row 6", "before the manifest"])
def test_a_killed_writer_leaves_the_partition_before_it_and_its_parts_are_swept(
    staging: Staging, moment: str
) -> None:
    write(staging, ["old"])
    before = files(staging)
    with child(KILLED, staging.root, moment) as process:
        assert process.wait() == -signal.SIGKILL
    assert values(held(staging)) == ["old"]
    left = files(staging) - before
    assert bool(left) is (moment != "after row 0")

    assert staging.sweep(35) == 0
    assert files(staging) == before | left
    assert staging.sweep(35, now=time.time() + 1.1 * A_DAY) == 0
    assert files(staging) == before
    assert values(held(staging)) == ["old"]


def test_a_killed_first_writer_leaves_nothing_but_parts_that_are_swept(staging: Staging) -> None:
    with child(KILLED, staging.root, "before the manifest") as process:
        assert process.wait() == -signal.SIGKILL
    assert staging.find("report", "promo_codes", DAY) is None
    assert staging.days("report", "promo_codes") == []
    staging.sweep(35, now=time.time() + 1.1 * A_DAY)
    assert not staging.folder("report", "promo_codes", DAY).exists()


def test_of_two_writers_the_last_wins_whole(staging: Staging) -> None:
    with (
        staging.writing("report", "promo_codes", DAY, rows_per_part=1) as first,
        staging.writing("report", "promo_codes", DAY, rows_per_part=1) as second,
    ):
        for number in range(3):
            first.write(pl.DataFrame({"promo_code": [f"first {number}"]}))
            second.write(pl.DataFrame({"promo_code": [f"second {number}"]}))
    assert values(held(staging)) == ["first 0", "first 1", "first 2"]


WRITER = """
import sys
from datetime import date
from pathlib import Path
import polars as pl
from optimove_pipeline.staging import Staging

root, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(15):
    with Staging(root).writing("report", "promo_codes", date(2026, 11, 19), rows_per_part=1) as writer:
        for _ in range(3):
            writer.write(pl.DataFrame({"promo_code": [f"{name} {turn}"]}))
"""


def test_readers_always_find_one_writers_rows_whole(staging: Staging) -> None:
    write(staging, ["start"] * 3)
    with child(WRITER, staging.root, "A") as one, child(WRITER, staging.root, "B") as other:
        for process in (one, other):
            assert line(process) == "ready"
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        seen = set()
        while one.poll() is None or other.poll() is None:
            found = values(held(staging))
            assert len(found) == 3
            assert len(set(found)) == 1
            seen.add(found[0])
        assert (one.returncode, other.returncode) == (0, 0)
    assert len(seen) > 1


def test_who_opened_a_partition_can_read_it_after_it_was_replaced(staging: Staging) -> None:
    write(staging, ["first"])
    opened = held(staging)
    write(staging, ["second"])
    assert values(opened) == ["first"]
    assert values(held(staging)) == ["second"]


def test_replaced_parts_go_after_a_day(staging: Staging) -> None:
    for text in ("first", "second", "third"):
        write(staging, [text])
    staging.sweep(35, now=time.time() + 0.9 * A_DAY)
    assert len(files(staging)) == 4
    staging.sweep(35, now=time.time() + 1.1 * A_DAY)
    assert len(files(staging)) == 2
    assert values(held(staging)) == ["third"]


def test_parts_just_replaced_stay_however_old_they_are(staging: Staging) -> None:
    write(staging, ["first"])
    opened = held(staging)
    age(opened.files[0], 10 * A_DAY)
    write(staging, ["second"])
    staging.sweep(35)
    assert values(opened) == ["first"]


def test_parts_hold_the_rows_of_a_row_group_in_order(staging: Staging) -> None:
    with staging.writing("report", "promo_codes", DAY, rows_per_part=10) as writer:
        for start, rows in ((0, 7), (7, 7), (14, 25), (39, 2)):
            writer.write(pl.DataFrame({"promo_code": [str(number) for number in range(start, start + rows)]}))
            assert writer.total == start + rows
    partition = held(staging)
    assert [pl.scan_parquet(part).select(pl.len()).collect().item() for part in partition.files] == [
        10,
        10,
        10,
        10,
        1,
    ]
    assert values(partition) == [str(number) for number in range(41)]
    assert partition.rows == 41


def test_columns_are_united_over_parts_that_lack_some(staging: Staging) -> None:
    with staging.writing("report", "promo_codes", DAY, rows_per_part=1) as writer:
        writer.write(pl.DataFrame({"a": ["1"]}))
        writer.write(pl.DataFrame({"b": ["2"], "a": ["3"]}))
        writer.write(pl.DataFrame({"c": ["4"]}))
    partition = held(staging)
    assert partition.columns == {"a": "String", "b": "String", "c": "String"}
    assert partition.scan(["c", "a", "never"]).collect().to_dict(as_series=False) == {
        "c": [None, None, "4"],
        "a": ["1", "3", None],
        "never": [None, None, None],
    }


def test_columns_are_united_within_a_part(staging: Staging) -> None:
    with staging.writing("report", "promo_codes", DAY) as writer:
        writer.write(pl.DataFrame({"a": ["1"]}))
        writer.write(pl.DataFrame({"b": ["2"]}))
    assert values(held(staging), "b") == [None, "2"]


def test_an_empty_partition_keeps_its_columns(staging: Staging) -> None:
    write(staging, [])
    partition = held(staging)
    assert (partition.rows, partition.parts, partition.columns) == (0, (), {"promo_code": "String"})
    assert values(partition) == []


def test_days_and_the_newest_are_those_written_whole(staging: Staging) -> None:
    assert staging.newest("report", "promo_codes") is None
    write(staging, ["b"], NEXT_DAY)
    write(staging, ["a"], DAY)
    staging.folder("report", "promo_codes", date(2026, 11, 21)).mkdir()
    assert staging.days("report", "promo_codes") == [DAY, NEXT_DAY]
    assert staging.newest("report", "promo_codes") == NEXT_DAY
    assert staging.newest("report", "promo_codes", until=DAY) == DAY
    assert staging.newest("report", "promo_codes", until=date(2026, 1, 1)) is None


def test_removing_a_partition_leaves_other_days_and_a_writer_at_work(staging: Staging) -> None:
    write(staging, ["a"])
    write(staging, ["b"], NEXT_DAY)
    opened = held(staging, NEXT_DAY)
    staging.remove("report", "promo_codes", NEXT_DAY)
    assert values(opened) == ["b"]
    with staging.writing("report", "promo_codes", DAY, rows_per_part=1) as writer:
        writer.write(pl.DataFrame({"promo_code": ["at work"]}))
        staging.remove("report", "promo_codes", DAY)
        assert staging.days("report", "promo_codes") == []
    assert values(held(staging)) == ["at work"]
    staging.remove("report", "promo_codes", NEXT_DAY)


def test_old_partitions_are_swept_but_the_newest_of_each_feed(staging: Staging) -> None:
    for day in (DAY, NEXT_DAY):
        write(staging, ["x"], day)
    staging.folder("report", "promo_codes", date(2026, 11, 21)).mkdir()
    assert staging.sweep(35, now=time.time() + 34 * A_DAY) == 0
    assert staging.sweep(35, now=time.time() + 36 * A_DAY) == 1
    assert staging.days("report", "promo_codes") == [NEXT_DAY]
    assert values(held(staging, NEXT_DAY)) == ["x"]


def test_sweeping_spares_what_was_written_anew(staging: Staging) -> None:
    for day in (DAY, NEXT_DAY):
        write(staging, ["x"], day)
        age(staging.folder("report", "promo_codes", day) / "manifest.json", 40 * A_DAY)
    write(staging, ["y"], DAY)
    assert staging.sweep(35) == 0
    assert values(held(staging)) == ["y"]
