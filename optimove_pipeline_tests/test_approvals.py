"""Approvals: one holds for the day and the rows that it was given for."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from optimove_pipeline.approvals import Approval, approval, approve
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import ledger_file

DAY = date(2026, 11, 20)
AT = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger_file(tmp_path)


def test_an_approval_is_found_by_its_day_and_tells_who_and_why(path: Path) -> None:
    given = approve(path, "customers", DAY, " Ada Lovelace ", "public holiday", 12, AT)
    assert given == Approval("customers", DAY, 12, "Ada Lovelace", "public holiday", AT)
    assert approval(path, "customers", DAY) == given
    assert approval(path, "customers", date(2026, 11, 21)) is None
    assert approval(path, "transactions", DAY) is None


def test_it_holds_for_the_rows_approved_and_no_others(path: Path) -> None:
    given = approve(path, "customers", DAY, "Ada", "public holiday", 12, AT)
    assert [rows for rows in range(30) if given.holds_for(rows)] == [12]


def test_the_newest_approval_counts(path: Path) -> None:
    approve(path, "customers", DAY, "Ada", "public holiday", 12, AT)
    newest = approve(path, "customers", DAY, "Grace", "two more came", 14, AT - 1)
    assert approval(path, "customers", DAY) == newest


def test_an_hour_is_approved_by_itself(path: Path) -> None:
    hour = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
    given = approve(path, "transactions", hour, "Ada", "maintenance", 0, AT)
    assert approval(path, "transactions", hour) == given
    assert approval(path, "transactions", DAY) is None


@pytest.mark.parametrize(("by", "reason"), [("", "holiday"), (" ", "holiday"), ("Ada", "\t")])
def test_nobody_approves_without_a_name_and_a_reason(path: Path, by: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=r"the name of who approves \(--by\) and why \(--reason\)"):
        approve(path, "customers", DAY, by, reason, 12)
    assert approval(path, "customers", DAY) is None
