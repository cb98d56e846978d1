"""Packaging in several processes: killed, at once, and with the same bytes in each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.packages import MANIFEST, Package, find_package, open_package
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import ROWS_PER_PART, Staging
from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options, validated
from optimove_pipeline_tests.stages.test_package import files, rows

SETTINGS = {"part_bytes": 20_000}
SETUP = """
import sys
from pathlib import Path
from optimove_pipeline.staging import ROWS_PER_PART, Staging
from optimove_pipeline.stages import package as stage
from optimove_pipeline.stages.formats.text_parts import TextParts
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options

folder = Path(sys.argv[1])
partition = Staging(folder / "staging").open("validated", "sends", DAY)

def stop(*arguments):
    print("here", flush=True)
    sys.stdin.read()
"""
WITHIN_A_PART = """
close = TextParts.close
def close_second(parts):
    if len(parts.done) == 1:
        stop()
    close(parts)
TextParts.close = close_second
"""
BEFORE_THE_MANIFEST = """
stage.write_manifest = stop
"""
MAKE = """
made = stage.package(SENDS, partition, options(part_bytes=20_000), folder / "packages", ready=READY)
print(*(f"{part.name}:{part.sha256}" for part in made.parts))
"""


def make(folder: Path) -> Package:
    """Package the rows that are validated there."""
    partition = Staging(folder / "staging").open("validated", SENDS.name, DAY)
    return package(SENDS, partition, options(**SETTINGS), folder / "packages", ready=READY)


def kill_while_packaging(folder: Path, moment: str) -> None:
    with child(SETUP + moment + MAKE, folder) as process:
        assert line(process) == "here"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("moment", [WITHIN_A_PART, BEFORE_THE_MANIFEST], ids=["within a part", "before the manifest"])
def test_a_killed_process_leaves_no_package_and_the_next_makes_the_same_bytes(tmp_path: Path, moment: str) -> None:
    validated(tmp_path, rows(2_000))
    whole = files(make(tmp_path))
    open_package(tmp_path / "packages" / "sends" / "2026-11-19").manifest.unlink()
    kill_while_packaging(tmp_path, moment)
    assert find_package(tmp_path / "packages" / "sends" / "2026-11-19") is None
    made = make(tmp_path)
    assert files(made) == whole
    held = {path.name for path in made.file(made.parts[0]).parent.iterdir()}
    assert held == {*whole, MANIFEST}


def test_a_killed_process_leaves_the_package_that_was_there(tmp_path: Path) -> None:
    validated(tmp_path, rows(2_000))
    old = make(tmp_path)
    whole = files(old)
    validated(tmp_path, rows(2_000, seed=2))
    kill_while_packaging(tmp_path, WITHIN_A_PART)
    assert open_package(old.folder) == old
    assert files(old) == whole


def test_a_process_killed_while_it_makes_a_damaged_package_again_leaves_none(tmp_path: Path) -> None:
    validated(tmp_path, rows(2_000))
    damaged = make(tmp_path)
    damaged.file(damaged.parts[0]).write_bytes(b"short")
    kill_while_packaging(tmp_path, WITHIN_A_PART)
    assert find_package(damaged.folder) is None


def test_a_process_with_another_number_of_threads_makes_the_same_bytes(tmp_path: Path) -> None:
    frame = rows(40_000)
    threads = "4" if pl.thread_pool_size() == 1 else "1"
    validated(tmp_path / "here", frame)
    validated(tmp_path / "there", frame)
    environment = os.environ | {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": threads}
    command = [sys.executable, "-c", SETUP + MAKE, str(tmp_path / "there")]
    there = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
    assert there == [f"{part.name}:{part.sha256}" for part in make(tmp_path / "here").parts]


def test_of_two_at_once_one_packages_and_the_other_takes_it(tmp_path: Path) -> None:
    validated(tmp_path, rows(20_000))
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(make, [tmp_path, tmp_path])
    assert first == second == open_package(first.folder)
    assert first.is_whole()


def peak(parts: int, package_format: str, folder: Path) -> int:
    """Return the peak in MiB of packaging so many parts of a partition."""
    module = "optimove_pipeline_tests.stages.large_package"
    command = [sys.executable, "-m", module, str(parts), package_format, str(folder / f"{package_format}-{parts}")]
    packaged, mebibytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(packaged) == parts * ROWS_PER_PART
    return int(mebibytes)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    few = peak(3, "csv", tmp_path)
    assert peak(12, "csv", tmp_path) < few + 60
    assert peak(12, "parquet", tmp_path) < few + 100
