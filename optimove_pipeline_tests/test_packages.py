"""Packages as they lie in their folders."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.packages import Package, find_package, open_package, sweep
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options
from optimove_pipeline_tests.stages.test_package import rows

NOW = 2_000_000_000.0
DAY_SECONDS = 86_400


def made(folder: Path, day: date = DAY, *, seed: int = 1, days_ago: float = 0) -> Package:
    """Make a package so long ago."""
    staging = Staging(folder / "staging")
    with staging.writing("validated", SENDS.name, day) as writer:
        writer.write(rows(10, seed))
    partition = staging.open("validated", SENDS.name, day)
    result = package(SENDS, partition, options(), folder / "packages", ready=READY)
    for path in (result.manifest, result.file(result.parts[0]).parent):
        os.utime(path, (NOW - days_ago * DAY_SECONDS,) * 2)
    return result


def test_a_package_that_is_not_there_is_an_error_that_names_the_asset(tmp_path: Path) -> None:
    folder = tmp_path / "sends" / "2026-11-19"
    assert find_package(folder) is None
    with pytest.raises(PartitionError) as caught:
        open_package(folder)
    assert str(caught.value) == "packaged/sends of 2026-11-19 is not there: materialise it first"


def test_a_package_knows_where_its_parts_lie_and_whether_they_do(tmp_path: Path) -> None:
    found = open_package(made(tmp_path).folder)
    (part,) = found.parts
    assert found.file(part).stat().st_size == part.bytes == found.bytes
    assert found.is_whole()
    found.file(part).write_bytes(b"")
    assert not found.is_whole()
    found.file(part).unlink()
    assert not found.is_whole()


def test_what_lies_where_parts_will_is_cleared_away(tmp_path: Path) -> None:
    left = made(tmp_path)
    left.manifest.unlink()
    folder = left.file(left.parts[0]).parent
    (folder / ".segment-00009.parquet").write_bytes(b"of a process that was killed")
    partition = Staging(tmp_path / "staging").open("validated", SENDS.name, DAY)
    again = package(SENDS, partition, options(), tmp_path / "packages", ready=READY)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *(part.name for part in again.parts)}


def test_old_packages_are_swept_but_the_newest_of_a_feed_never(tmp_path: Path) -> None:
    days = [DAY - timedelta(days=back) for back in (3, 2, 1)]
    old, young, newest = (made(tmp_path, day, days_ago=ago) for day, ago in zip(days, (40.1, 39.9, 50), strict=True))
    assert sweep(tmp_path / "packages", 40, NOW) == 1
    assert not old.folder.exists()
    assert young.is_whole()
    assert newest.is_whole()


def test_parts_that_no_manifest_names_are_swept_after_a_day(tmp_path: Path) -> None:
    replaced = made(tmp_path, seed=1, days_ago=1.1)
    lately = made(tmp_path, seed=2, days_ago=0.9)
    now = made(tmp_path, seed=3, days_ago=5)
    assert sweep(tmp_path / "packages", 40, NOW) == 0
    assert [package.is_whole() for package in (replaced, lately, now)] == [False, True, True]


def test_what_a_killed_process_left_is_swept_after_a_day(tmp_path: Path) -> None:
    left = made(tmp_path, days_ago=1.1)
    left.manifest.unlink()
    sweep(tmp_path / "packages", 40, NOW)
    assert list(left.folder.iterdir()) == []
