"""Memory stays flat, whatever the rows of a partition and however many of them are older versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from optimove_pipeline.staging import ROWS_PER_PART


def test_a_partition_of_which_half_are_older_versions_needs_no_more_for_more_rows(tmp_path: Path) -> None:
    module = "optimove_pipeline_tests.datasets.large_partition"
    command = [sys.executable, "-m", module, "4", str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, repeated, peak = map(int, child.stdout.split())
    assert rows == repeated == 2 * ROWS_PER_PART
    assert peak < 400
