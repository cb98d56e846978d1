"""Watermarks: they move on and never back, each by data set and target."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.watermarks import move, watermark

START = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger_file(tmp_path)


def test_a_watermark_is_where_the_last_window_ended(path: Path) -> None:
    assert watermark(path, "customers", "sftp") is None
    assert move(path, "customers", "sftp", START, "run-1")
    assert move(path, "customers", "sftp", START + DAY, "run-2")
    assert watermark(path, "customers", "sftp") == START + DAY
    assert watermark(path, "customers", "bucket") is None
    assert watermark(path, "transactions", "sftp") is None


@pytest.mark.parametrize("back", [timedelta(), timedelta(microseconds=1), DAY])
def test_it_never_goes_back(path: Path, back: timedelta) -> None:
    move(path, "customers", "sftp", START, "run-1")
    assert not move(path, "customers", "sftp", START - back, "run-2")
    assert watermark(path, "customers", "sftp") == START


def test_moments_are_kept_to_the_microsecond_whatever_their_zone(path: Path) -> None:
    until = datetime(2026, 11, 20, 1, 2, 3, 456_789, tzinfo=timezone(timedelta(hours=-5)))
    move(path, "customers", "sftp", until, "run-1")
    found = watermark(path, "customers", "sftp")
    assert found == until
    assert found is not None
    assert found.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="has no zone"):
        move(path, "customers", "sftp", datetime(2026, 11, 20), "run-1")  # noqa: DTZ001 - that is the point


def test_of_many_who_move_it_at_once_the_furthest_wins(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda days: move(path, "customers", "sftp", START + days * DAY, "run"), (3, 9, 1, 7, 9, 2)))
    assert watermark(path, "customers", "sftp") == START + 9 * DAY
