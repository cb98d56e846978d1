"""Processes that publish one of two versions of a day, and may be killed at any statement or moment of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from optimove_pipeline.stages.publish import publish
from optimove_pipeline.stages.validate import validate
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.stages.days import DAY, SENDS, extracted, held, row

ROWS = {"old": 3_000, "new": 2_000}
BROKEN = {"old": 1, "new": 2}
_ROWS_PER_PART = 700


def prepare(folder: Path, version: str) -> None:
    """Validate one version of the day into a staging of its own, in several parts."""
    staging = Staging(folder / version)
    broken = [row(None)] * BROKEN[version]
    extracted(staging, [*(row(f"{version} {number}") for number in range(ROWS[version])), *broken])
    validate(SENDS, DAY, staging, tolerated_share=1)
    whole, rows = staging.open("validated", SENDS.name, DAY), held(staging, "validated")
    with staging.writing("validated", SENDS.name, DAY, rows_per_part=_ROWS_PER_PART) as writer:
        writer.metadata |= whole.metadata
        writer.write(rows)


def publish_version(folder: Path, version: str, **options: Any) -> None:
    """Publish that version, as the run of its name."""
    publish(SENDS, [DAY], Staging(folder / version), Warehouse(folder / "warehouse.duckdb", **options), version)


def version_in(folder: Path, **options: Any) -> str:
    """Return the version that the warehouse holds, whole; anything else but a version is an error."""
    with duckdb.connect(str(folder / "warehouse.duckdb"), **options) as connection:
        versions = connection.execute(
            "SELECT _run_id, count(*), count(DISTINCT customer_id) FROM optimove.sends GROUP BY 1"
        ).fetchall()
        broken = connection.execute("SELECT _run_id, count(*) FROM quarantine.sends GROUP BY 1").fetchall()
    ((version, rows, customers),) = versions
    assert rows == customers == ROWS[version]
    assert broken == [(version, BROKEN[version])]
    return str(version)


def die_before_statement(folder: Path, number: int) -> None:
    """Publish the new version, but get killed right before the statement of that number, if there is one."""

    @contextmanager
    def connect(path: Path) -> Iterator[Any]:
        with duckdb.connect(str(path)) as connection:
            yield _Mortal(connection, number)

    publish_version(folder, "new", connect=connect)


def die_after_seconds(folder: Path, seconds: float) -> None:
    """Publish the new version, but get killed some time after the connection is open."""

    @contextmanager
    def connect(path: Path) -> Iterator[Any]:
        with duckdb.connect(str(path)) as connection:
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
            yield connection

    publish_version(folder, "new", connect=connect)
    os.kill(os.getpid(), signal.SIGKILL)


class _Mortal:
    """A connection whose process dies before its method of a given number is called."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lives: int) -> None:
        self._connection = connection
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        self._lives -= 1
        if self._lives == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self._connection, name)
