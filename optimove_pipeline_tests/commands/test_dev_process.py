"""Dagster ends with the command that started it, also where that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

LONGEST_SECONDS = 120


def test_dagster_ends_when_nobody_holds_its_standard_input_any_more(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "optimove_pipeline.commands.dev_process", "--empty-workspace"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DAGSTER_HOME": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "yes"},
        cwd=tmp_path,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(LONGEST_SECONDS)
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
