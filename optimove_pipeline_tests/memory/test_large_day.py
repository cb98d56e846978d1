"""Memory stays flat, whatever the size of a day."""

import subprocess
import sys
from datetime import date
from pathlib import Path

from optimove_pipeline.sandbox.process import running_sandbox


def test_a_million_rows_of_one_report_are_extracted_in_the_memory_of_a_few(tmp_path: Path) -> None:
    day = date(2026, 11, 19)
    with running_sandbox(preset="large", customers=1_200_000, windows=(), today=date(2026, 11, 20)) as sandbox:
        child = subprocess.run(
            [
                sys.executable,
                "-m",
                "optimove_pipeline_tests.memory.extract_day",
                sandbox.url,
                "customer_action_details_by_date",
                day.isoformat(),
                str(tmp_path),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        calls = sandbox.stats()["calls"]
    rows, peak_mebibytes = map(int, child.stdout.split())
    assert rows == sum(call["rows"] for call in calls if "skip" in str(call["parameters"]))
    assert rows > 1_000_000
    # A few rows take 113, these 115; with the frames of all of them it would be more than 180.
    assert peak_mebibytes < 150
