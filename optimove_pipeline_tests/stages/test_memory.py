"""Memory stays flat, whatever the rows of a day."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from optimove_pipeline.staging import ROWS_PER_PART


def large_day(parts: int, kind: str, folder: Path) -> list[int]:
    """Return rows repeated, rows published, and the peak in MiB after validating and after publishing."""
    module = "optimove_pipeline_tests.stages.large_day"
    command = [sys.executable, "-m", module, str(parts), kind, str(folder / f"{kind}-{parts}")]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(number) for number in child.stdout.split()]


def test_a_million_rows_are_validated_and_published_in_half_a_gibibyte(tmp_path: Path) -> None:
    repeated, rows, validated, published = large_day(10, "distinct", tmp_path)
    assert (repeated, rows) == (0, 10 * ROWS_PER_PART)
    assert rows > 1_000_000
    assert max(validated, published) < 512
    assert validated < large_day(2, "distinct", tmp_path)[2] + 130


def test_a_day_of_which_half_came_twice_needs_no_more(tmp_path: Path) -> None:
    repeated, rows, validated, published = large_day(4, "repeated", tmp_path)
    assert repeated == rows == 2 * ROWS_PER_PART
    assert max(validated, published) < 512
