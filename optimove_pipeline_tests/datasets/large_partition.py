"""A process that validates a large partition; prints rows kept, rows repeated and its peak memory in MiB."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl

from optimove_pipeline.datasets.validation import validate_dataset
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.staging import ROWS_PER_PART, Staging
from optimove_pipeline_tests.datasets.rows import DAY, EVERYBODY, NOW, dataset_named

TRANSACTIONS = dataset_named("transactions")


def main(parts: int, folder: Path) -> None:
    """Write a partition of which every second part has newer versions of the rows before it, validate, print."""
    staging = Staging(folder)
    with staging.writing("dataset", TRANSACTIONS.name, DAY) as writer:
        writer.write(pl.DataFrame(schema={column.name: pl.String for column in TRANSACTIONS.columns}))
        for number in range(parts):
            writer.write(_part(number // 2, version=number % 2))
    own = DatasetSettings(tolerated_share=0.0)
    found = validate_dataset(TRANSACTIONS, DAY, staging, own, EVERYBODY, now=NOW)
    sys.stdout.write(f"{found.rows} {found.repeated_rows} {_peak()}\n")


def _part(number: int, version: int) -> pl.DataFrame:
    row = pl.int_range(number * ROWS_PER_PART, (number + 1) * ROWS_PER_PART, eager=True)
    return pl.DataFrame(
        {
            "Transaction_ID": "T" + row.cast(pl.String),
            "Player_ID": pl.repeat("C1", row.len(), eager=True),
            "Transaction_Date": pl.repeat("2026-11-19 09:00:00", row.len(), eager=True),
            "Transaction_Type": "Type " + (row % 7).cast(pl.String),
            "Transaction_Amount": (row % 1000).cast(pl.String) + ".25",
            "Payment_Method": "Method " + (row % 211).cast(pl.String),
            "LastUpdated": pl.repeat(f"2026-11-19 1{version}:00:00", row.len(), eager=True),
        }
    )


def _peak() -> int:
    """Return the highest resident memory of this process; ``ru_maxrss`` would start at that of its parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
