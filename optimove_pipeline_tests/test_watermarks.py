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


def deliver(path: Path, first: int, days: int = 1) -> bool:
    """Note the time of a partition ``first`` days after the start, before which all must be there."""
    since = START + first * DAY
    return move(path, "customers", "sftp", since + days * DAY, "run", since=since)


def test_it_does_not_pass_a_partition_that_is_missing_until_that_is_there(path: Path) -> None:
    move(path, "customers", "sftp", START, "run-1")
    assert not deliver(path, 1)
    assert not deliver(path, 2)
    assert not deliver(path, 4)
    assert watermark(path, "customers", "sftp") == START
    assert deliver(path, 0)
    assert watermark(path, "customers", "sftp") == START + 3 * DAY


def test_without_anything_delivered_it_waits_for_what_comes_first(path: Path) -> None:
    assert not deliver(path, 1)
    assert watermark(path, "customers", "sftp") is None
    assert move(path, "customers", "sftp", START + DAY, "run")
    assert watermark(path, "customers", "sftp") == START + 2 * DAY


def test_another_target_has_no_part_in_it(path: Path) -> None:
    move(path, "customers", "sftp", START, "run-1")
    move(path, "customers", "bucket", START + DAY, "run-1", since=START)
    assert not deliver(path, 1)


def test_a_partition_delivered_again_moves_nothing(path: Path) -> None:
    move(path, "customers", "sftp", START, "run-1")
    assert deliver(path, 0)
    assert not deliver(path, 0)
