"""The runs of a range of days: the newest day alone and with the snapshots, the others in chunks."""

from __future__ import annotations

from datetime import date

import pytest

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.report import Report
from optimove_pipeline.runs import plan_runs
from optimove_pipeline.settings.chunks import Chunk, parse_chunk

DATED = tuple(report for report in REPORTS if not report.snapshot)
SNAPSHOTS = tuple(report for report in REPORTS if report.snapshot)
FIRST, LAST = date(2025, 4, 10), date(2025, 6, 19)


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ("daily", ["2025-06-11..2025-06-18", "2025-05-11..2025-06-10", "2025-04-10..2025-05-10"]),
        ("monthly", ["2025-06-01..2025-06-18", "2025-05-01..2025-05-31", "2025-04-10..2025-04-30"]),
        ("none", ["2025-04-10..2025-06-18"]),
    ],
)
def test_the_last_day_comes_alone_and_first_and_then_chunks_from_new_to_old(chunk: str, expected: list[str]) -> None:
    newest, *others = plan_runs(REPORTS, FIRST, LAST, LAST, parse_chunk(chunk))
    assert (newest.reports, newest.first, newest.last) == (REPORTS, LAST, LAST)
    assert [f"{each.first}..{each.last}" for each in others] == expected
    assert {each.reports for each in others} == {DATED}


def test_days_beyond_the_last_data_update_are_left_out_and_snapshots_with_them_if_it_is_before_the_range() -> None:
    updated = date(2025, 6, 17)
    newest, *_ = plan_runs(REPORTS, FIRST, LAST, updated, Chunk())
    assert (newest.reports, newest.first, newest.last) == (REPORTS, updated, updated)
    old, *_ = plan_runs(REPORTS, FIRST, date(2025, 6, 10), updated, Chunk())
    assert (old.reports, old.last) == (DATED, date(2025, 6, 10))


def test_snapshots_alone_are_one_run_of_their_one_day() -> None:
    (only,) = plan_runs(SNAPSHOTS, FIRST, LAST, LAST, Chunk())
    assert (only.reports, only.first, only.last) == (SNAPSHOTS, LAST, LAST)


@pytest.mark.parametrize(
    ("reports", "updated", "message"),
    [
        (SNAPSHOTS, date(2025, 6, 20), "a snapshot can only be had of that day"),
        ((BY_NAME["promo_codes"],), date(2025, 4, 9), "none of the days from 2025-04-10 on can be had"),
    ],
)
def test_a_range_of_which_nothing_can_be_had_is_refused(
    reports: tuple[Report, ...], updated: date, message: str
) -> None:
    with pytest.raises(PartitionError, match=message):
        [*plan_runs(reports, FIRST, LAST, updated, Chunk())]
