"""Dagster's own folder: its run and event history, and the settings that suit this project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from optimove_pipeline.file_lock import locked
from optimove_pipeline.files import write_atomically

if TYPE_CHECKING:  # importing it costs a second
    import dagster as dg

OPENING_SECONDS = 120.0
"""Longest wait for another process to create Dagster's history, which takes it a second."""

_INSTANCE_FILE = "dagster.yaml"
_INSTANCE: dict[str, object] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "event_log_storage": {
        "module": "optimove_pipeline.automation.event_log",
        "class": "EventLog",
        "config": {"home": {"env": "DAGSTER_HOME"}},
    },
    # Runs share the budget of calls, and the warehouse takes one writer at a time: more runs would only wait.
    "concurrency": {
        "runs": {
            "max_concurrent_runs": 4,
            # Backfills that wait for the budget leave the daily run a place.
            "tag_concurrency_limits": [
                {"key": "dagster/backfill", "limit": 2},
                {"key": "optimove/call_class", "value": "backfill", "limit": 1},
            ],
        }
    },
    # A run that waits for the budget says so in its own log.
    "python_logs": {"managed_python_loggers": ["optimove_pipeline.optimove.budget"], "python_log_level": "INFO"},
    "run_monitoring": {"enabled": True, "free_slots_after_run_end_seconds": 60},
}


def prepare_dagster_home(data_dir: Path) -> Path:
    """Return the folder of ``DAGSTER_HOME``, by default inside the data directory, with an instance file in it."""
    home = _home(data_dir)
    write_instance_file(home)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def write_instance_file(home: Path) -> None:
    """Write the settings of Dagster that suit this project, unless there are others."""
    instance_file = home / _INSTANCE_FILE
    if not instance_file.exists():
        write_atomically(instance_file, yaml.safe_dump(_INSTANCE, sort_keys=False).encode())


def open_instance(home: Path) -> dg.DagsterInstance:
    """Return Dagster's instance of ``home``; close it after use.

    Dagster creates its tables without a look at who else does: two processes that both begin in a new folder would
    meet, and one of them fail. Hence one at a time.

    Raises:
        BusyError: another process has been opening it for two minutes.
    """
    import dagster as dg

    with locked(home / "opening.lock", "opening Dagster's history", OPENING_SECONDS):
        return dg.DagsterInstance.from_config(str(home))


@contextmanager
def history_so_far(data_dir: Path) -> Iterator[dg.DagsterInstance | None]:
    """Yield Dagster's instance if it was ever begun, else None: to look, where nothing is to be begun.

    Raises:
        BusyError: as ``open_instance`` does.
    """
    if not (_home(data_dir) / _INSTANCE_FILE).exists():
        yield None
        return
    with open_instance(prepare_dagster_home(data_dir)) as instance:
        yield instance


def _home(data_dir: Path) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or data_dir / "dagster").absolute()
