"""The record of calls made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from optimove_pipeline.calls_table import (
    COLUMNS,
    Answered,
    answered_since,
    calls_by_day,
    record_calls,
    seconds_of_a_call,
)


@pytest.fixture
def connection() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def call(call_id: str, **values: object) -> dict[str, object]:
    return {
        "call_id": call_id,
        "report": "promo_codes",
        "report_date": "2026-11-19",
        "function": "actions/GetPromoCodes",
        "parameters": "Date=2026-11-19",
        "status": 200,
        "rows": 3,
        "milliseconds": 1.25,
        "waited_seconds": 0.5,
        "attempt": 1,
        "outcome": "ok",
        "called_at": "2026-11-20T10:00:00.123456+00:00",
        "run_id": "a run",
    } | values


def ids(connection: DuckDBPyConnection) -> list[str]:
    return [call_id for (call_id,) in connection.execute("SELECT call_id FROM ops.api_calls ORDER BY 1").fetchall()]


def test_a_call_is_a_row_with_its_time_in_utc(connection: DuckDBPyConnection) -> None:
    assert record_calls(connection, [call("a", called_at="2026-11-20T12:00:00.5+02:00")]) == 1
    result = connection.execute("FROM ops.api_calls")
    names = [name for name, *_ in result.description or ()]
    recorded = dict(zip(names, result.fetchall()[0], strict=True))
    assert names == list(COLUMNS)
    assert recorded["report_date"] == date(2026, 11, 19)
    assert recorded["called_at"] == datetime(2026, 11, 20, 10, 0, 0, 500_000)  # noqa: DTZ001 - naive UTC
    assert (recorded["status"], recorded["rows"], recorded["waited_seconds"]) == (200, 3, 0.5)


def test_a_call_recorded_again_is_not_doubled(connection: DuckDBPyConnection) -> None:
    assert record_calls(connection, [call("a"), call("a"), call("b", called_at="2026-11-20T11:00:00+00:00")]) == 2
    assert record_calls(connection, [call("b", called_at="2026-11-20T11:00:00+00:00"), call("c")]) == 1
    assert ids(connection) == ["a", "b", "c"]


def test_calls_without_report_answer_or_rows_are_recorded(connection: DuckDBPyConnection) -> None:
    lost = call("a", report=None, report_date=None, status=None, rows=None, outcome="timeout")
    assert record_calls(connection, [lost]) == 1
    assert record_calls(connection, [lost | {"call_id": "b"}, call("c")]) == 2
    assert ids(connection) == ["a", "b", "c"]


def test_no_calls_leave_an_empty_table(connection: DuckDBPyConnection) -> None:
    assert record_calls(connection, []) == 0
    assert ids(connection) == []


def test_a_call_made_again_counts_once_for_its_day(connection: DuckDBPyConnection) -> None:
    pages = [
        call(f"{run}{skip}", run_id=run, parameters=f"Date=2026-11-19 $skip={skip}") for run in "xy" for skip in "01"
    ]
    other = call("c", report_date="2026-11-18", parameters="Date=2026-11-18")
    failed = call("d", parameters="Date=2026-11-19 $skip=2", outcome="http_500")
    record_calls(connection, [*pages, other, failed, call("e", report=None, report_date=None)])
    days = {("promo_codes", date(2026, 11, 19)): 2, ("promo_codes", date(2026, 11, 18)): 1}
    assert calls_by_day(connection) == days


def test_what_was_answered_of_late_is_told_by_run_the_newest_last(connection: DuckDBPyConnection) -> None:
    record_calls(
        connection,
        [
            call("a", run_id="first", called_at="2026-11-20T08:00:00+00:00"),
            call("b", run_id="third", called_at="2026-11-20T12:00:00+00:00", parameters="A=2"),
            call("c", run_id="second", called_at="2026-11-20T11:00:00+00:00", parameters="A=1"),
            call("d", run_id="second", called_at="2026-11-20T11:00:01+00:00", parameters="A=1"),
        ],
    )
    found = answered_since(connection, datetime(2026, 11, 20, 10))  # noqa: DTZ001 - naive UTC
    assert found == {
        ("promo_codes", date(2026, 11, 19)): [
            Answered("second", frozenset({"actions/GetPromoCodes A=1"})),
            Answered("third", frozenset({"actions/GetPromoCodes A=2"})),
        ]
    }


def test_a_call_takes_as_long_as_those_answered_before_on_average(connection: DuckDBPyConnection) -> None:
    record_calls(connection, [call("a", milliseconds=1000), call("b", milliseconds=3000)])
    assert seconds_of_a_call(connection) == 2.0


def test_before_the_first_call_nothing_is_known(connection: DuckDBPyConnection) -> None:
    assert calls_by_day(connection) == {}
    assert answered_since(connection, datetime(2026, 11, 20)) == {}  # noqa: DTZ001 - naive UTC
    assert seconds_of_a_call(connection) == 0.0
