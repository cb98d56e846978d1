"""Calls are seen as they are recorded, while the journal's file is open and after it was taken in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline.call_tail import CallTail
from optimove_pipeline.optimove.calls import CallRecord


def record(rows: int) -> CallRecord:
    return CallRecord(
        report="promo_codes",
        day=date(2025, 6, 1),
        function="actions/GetPromoCodes",
        parameters="",
        status=200,
        rows=rows,
        milliseconds=1.0,
        waited_seconds=0.0,
        attempt=1,
        at=datetime.now(UTC),
        outcome="ok",
    )


def rows(tail: CallTail, run_id: str) -> list[int]:
    return [call["rows"] for call in tail.new(run_id)]


def test_each_call_of_a_run_is_seen_once_as_soon_as_it_is_recorded(tmp_path: Path) -> None:
    journal, other, tail = CallJournal(tmp_path, "run"), CallJournal(tmp_path, "another run"), CallTail(tmp_path)
    assert rows(tail, "run") == []
    journal.record(record(1))
    other.record(record(7))
    assert rows(tail, "run") == [1]
    journal.record(record(2))
    journal.record(record(3))
    assert rows(tail, "run") == [2, 3]
    assert rows(tail, "run") == []
    journal.close()
    other.close()


def test_a_file_that_was_taken_in_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    journal, tail = CallJournal(tmp_path, "run"), CallTail(tmp_path)
    journal.record(record(1))
    assert rows(tail, "run") == [1]
    journal.flush(lambda calls: None)
    assert rows(tail, "run") == []
    journal.record(record(2))
    assert rows(tail, "run") == [2]
    journal.close()


def test_a_call_that_is_not_written_whole_yet_is_seen_later(tmp_path: Path) -> None:
    journal, tail = CallJournal(tmp_path, "run"), CallTail(tmp_path)
    journal.record(record(1))
    (file,) = tmp_path.glob("*.ndjson")
    line = file.read_bytes()
    file.write_bytes(line + line[:20])
    assert rows(tail, "run") == [1]
    file.write_bytes(line + line)
    assert rows(tail, "run") == [1]
    journal.close()


def test_a_line_that_can_not_be_read_is_passed_by(tmp_path: Path) -> None:
    journal, tail = CallJournal(tmp_path, "run"), CallTail(tmp_path)
    (tmp_path / "broken.ndjson").write_text('{"call_id": \n')
    journal.record(record(1))
    assert rows(tail, "run") == [1]
    journal.close()
