"""The journal of calls: none is lost, none is taken in twice."""

import fcntl
import json
import logging
import signal
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline.calls_table import record_calls
from optimove_pipeline.optimove.calls import CallRecord
from optimove_pipeline_tests.children import child, line

DAY = date(2026, 11, 19)


def call(number: int = 0, report: str = "promo_codes") -> CallRecord:
    return CallRecord(
        report=report,
        day=DAY,
        function="actions/GetPromoCodes",
        parameters=f"Date={DAY} Page={number}",
        status=200,
        rows=number,
        milliseconds=1500.0,
        waited_seconds=0.25,
        attempt=1,
        at=datetime(2026, 11, 20, 6, 0, number % 60, tzinfo=UTC),
        outcome="ok",
    )


class Inbox(list[Mapping[str, Any]]):
    """Collects what is flushed."""

    def take(self, calls: Sequence[Mapping[str, Any]]) -> None:
        self.extend(calls)

    @property
    def pages(self) -> list[int]:
        return sorted(found["rows"] for found in self)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def test_calls_are_handed_on_once(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-1")
    for number in range(3):
        journal.record(call(number))
    journal.flush(inbox.take)
    journal.flush(inbox.take)
    assert inbox.pages == [0, 1, 2]
    assert {found["run_id"] for found in inbox} == {"run-1"}
    assert (inbox[0]["report_date"], inbox[0]["called_at"]) == ("2026-11-19", "2026-11-20T06:00:00+00:00")
    assert [*tmp_path.iterdir()] == []


def test_a_journal_goes_on_after_a_flush(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-1")
    for number in range(2):
        journal.record(call(number))
        journal.flush(inbox.take)
    assert inbox.pages == [0, 1]


def test_what_was_spent_is_counted_by_report_and_day(tmp_path: Path) -> None:
    journal = CallJournal(tmp_path, "run-1")
    journal.record(call())
    journal.record(call())
    journal.record(call(report=""))
    spent = journal.tallies["promo_codes", DAY]
    assert (spent.calls, spent.seconds, spent.waited_seconds) == (2, 3.0, 0.5)
    assert journal.tallies["", DAY].calls == 1
    journal.close()


def test_a_living_journals_file_is_left_alone(tmp_path: Path, inbox: Inbox) -> None:
    living, other = CallJournal(tmp_path, "run-1"), CallJournal(tmp_path, "run-2")
    living.record(call(1))
    other.record(call(2))
    other.flush(inbox.take)
    assert inbox.pages == [2]
    living.record(call(3))
    living.close()
    other.flush(inbox.take)
    assert inbox.pages == [1, 2, 3]


def test_a_flush_at_the_moment_a_journal_opens_its_file_takes_nothing_away(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, other = CallJournal(tmp_path, "run-1"), CallJournal(tmp_path, "run-2")
    lock = fcntl.flock

    def flush_then_lock(file: int, how: int) -> None:
        if how == fcntl.LOCK_EX:
            other.flush(inbox.take)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", flush_then_lock)
    journal.record(call(1))
    journal.flush(inbox.take)
    assert inbox.pages == [1]


def test_calls_stay_when_they_can_not_be_handed_on(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-1")
    journal.record(call(1))

    def busy(_: object) -> None:
        raise BlockingIOError("the warehouse is busy")

    with pytest.raises(BlockingIOError, match="the warehouse is busy"):
        journal.flush(busy)
    journal.flush(inbox.take)
    assert inbox.pages == [1]


def test_a_torn_line_is_left_out_with_a_warning(
    tmp_path: Path, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    journal = CallJournal(tmp_path, "run-1")
    journal.record(call(1))
    journal.record(call(2))
    journal.close()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"call_id": "torn')
    with caplog.at_level(logging.WARNING):
        journal.flush(inbox.take)
    assert inbox.pages == [1, 2]
    assert "a call was not recorded whole" in caplog.text


def test_taking_in_a_file_twice_adds_nothing(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-1")
    for number in range(5):
        journal.record(call(number))
    journal.flush(inbox.take)
    with duckdb.connect() as connection:
        added = [record_calls(connection, calls) for calls in (inbox[:3], inbox, inbox, [])]
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT call_id), min(report_date), max(called_at) FROM ops.api_calls"
        ).fetchone()
    assert added == [3, 2, 0, 0]
    assert rows == (5, 5, DAY, datetime(2026, 11, 20, 6, 0, 4))  # noqa: DTZ001 - UTC, naive by contract


def test_threads_share_a_journal(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-1")

    def record(first: int) -> None:
        for number in range(first, first + 50):
            journal.record(call(number))

    threads = [threading.Thread(target=partial(record, first)) for first in (0, 50, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        journal.flush(inbox.take)
        thread.join()
    journal.flush(inbox.take)
    assert inbox.pages == list(range(150))
    assert journal.tallies["promo_codes", DAY].calls == 150


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline_tests.test_call_journal import call

journal = CallJournal(Path(sys.argv[1]), sys.argv[2])
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    journal.record(call(number))
print("recorded", flush=True)
sys.stdin.readline()
"""


def test_the_calls_of_a_killed_process_are_taken_in_by_the_next(tmp_path: Path, inbox: Inbox) -> None:
    journal = CallJournal(tmp_path, "run-2")
    with child(WRITER, tmp_path, "run-1", 0, 4) as process:
        assert line(process) == "recorded"
        journal.record(call(4))
        journal.flush(inbox.take)
        assert inbox.pages == [4]
        process.send_signal(signal.SIGKILL)
        process.wait()
    journal.flush(inbox.take)
    assert inbox.pages == [0, 1, 2, 3, 4]
    assert {found["run_id"] for found in inbox if found["rows"] < 4} == {"run-1"}


FLUSHER = """
import json, sys
from pathlib import Path
from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline_tests.test_call_journal import Inbox, call

inbox = Inbox()
journal = CallJournal(Path(sys.argv[1]), sys.argv[2])
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    journal.record(call(number))
    journal.flush(inbox.take)
journal.close()
print(json.dumps(inbox.pages), flush=True)
"""


def test_no_call_is_lost_or_doubled_between_processes_that_record_and_flush(tmp_path: Path, inbox: Inbox) -> None:
    with (
        child(FLUSHER, tmp_path, "run-1", 0, 150) as one,
        child(FLUSHER, tmp_path, "run-2", 150, 300) as other,
    ):
        taken = [number for process in (one, other) for number in json.loads(line(process))]
    CallJournal(tmp_path, "run-3").flush(inbox.take)
    assert sorted([*taken, *inbox.pages]) == list(range(300))
