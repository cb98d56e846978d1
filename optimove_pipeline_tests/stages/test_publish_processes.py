"""A publication that is killed leaves the old day or the new one, and a reader sees one of them whole."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from optimove_pipeline_tests.stages import versions

KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["optimove_pipeline_tests.stages.versions"])
    return context


@pytest.fixture(scope="module")
def with_the_old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions")
    for version in versions.ROWS:
        versions.prepare(folder, version)
    versions.publish_version(folder, "old")
    return folder


@pytest.fixture
def folder(with_the_old: Path, tmp_path: Path) -> Path:
    return shutil.copytree(with_the_old, tmp_path, dirs_exist_ok=True)


def exit_code(processes: ForkServerContext, target: Callable[..., None], *arguments: Any) -> int | None:
    process = processes.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def test_killed_before_any_statement_a_publication_leaves_the_old_day_or_the_new(
    processes: ForkServerContext, folder: Path
) -> None:
    seen = []
    for number in range(1, 100):
        code = exit_code(processes, versions.die_before_statement, folder, number)
        seen.append(versions.version_in(folder))
        if code == 0:
            break
        assert code == KILLED
        if seen[-1] == "new":
            versions.publish_version(folder, "old")
    assert len(seen) > 10
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {"old", "new"}


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 8, 16, 32])
def test_killed_at_any_moment_a_publication_leaves_the_old_day_or_the_new(
    processes: ForkServerContext, folder: Path, milliseconds: int
) -> None:
    assert exit_code(processes, versions.die_after_seconds, folder, milliseconds / 1000) == KILLED
    assert versions.version_in(folder) in versions.ROWS
    versions.publish_version(folder, "new")
    assert versions.version_in(folder) == "new"


def test_a_reader_in_another_process_sees_one_version_whole(processes: ForkServerContext, folder: Path) -> None:
    reader = processes.Process(target=read_often, args=(folder, 10))
    reader.start()
    written = 0
    while reader.is_alive() or written < 2:
        versions.publish_version(folder, ("new", "old")[written % 2])
        written += 1
    reader.join()
    assert reader.exitcode == 0


def read_often(folder: Path, times: int) -> None:
    """Read as another program does, that knows no lock and tries again while the file is being written."""
    read, until = 0, time.monotonic() + 60
    while read < times and time.monotonic() < until:
        with suppress(duckdb.IOException):
            versions.version_in(folder, read_only=True)
            read += 1
    assert read == times
