"""What alerts say stays short enough to be read, and names what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime

from optimove_pipeline.alerts.texts import (
    LONGEST_PROBLEM,
    MOST_PROBLEMS,
    Problem,
    Run,
    checks_failed,
    late,
    run_failed,
)


def test_many_problems_are_counted_and_the_first_told() -> None:
    problems = [Problem(f"report/report_{number}", "HTTP 403") for number in range(MOST_PROBLEMS + 5)]
    alert = run_failed(Run("run-1"), problems)
    assert alert.title == "a run failed: report_0, report_1, report_2 and 17 more"
    lines = alert.text.splitlines()
    assert lines[0] == "Run run-1 failed."
    assert lines[1 : MOST_PROBLEMS + 1] == [f"- report/report_{n}: HTTP 403" for n in range(MOST_PROBLEMS)]
    assert lines[MOST_PROBLEMS + 1] == "- and 5 more"


def test_a_long_message_is_cut() -> None:
    alert = run_failed(Run("run-1", "2025-06-20"), [Problem("", "x" * (LONGEST_PROBLEM + 1))])
    assert alert.title == "a run of 2025-06-20 failed"
    assert alert.text.splitlines()[1] == f"- {'x' * LONGEST_PROBLEM}…"


def test_a_report_whose_stages_all_failed_is_named_once() -> None:
    problems = [Problem(f"{stage}/promo_codes (complete)", "held back") for stage in ("validated", "published")]
    assert checks_failed(Run("run-1"), problems).title == "held back: promo_codes"


def test_one_key_for_each_run_and_each_day() -> None:
    day, by = date(2025, 6, 20), datetime(2025, 6, 21, 10, tzinfo=UTC)
    assert run_failed(Run("run-1"), []).key != checks_failed(Run("run-1"), []).key
    assert late(day, by, ["a"], 2, "").key == late(day, by, ["a", "b"], 2, "").key
