"""``dev``: Dagster's UI and daemon on this project."""

from __future__ import annotations

import subprocess
import sys


def run_dagster(port: int) -> int:
    """Run ``dagster dev`` until it is interrupted; return its exit code."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "optimove_pipeline.definitions", "-p", str(port)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own interpreter and module
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()
