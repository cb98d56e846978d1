"""A process that packages a large day; prints its peak memory in MiB."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import ROWS_PER_PART, Staging
from optimove_pipeline_tests.peak import peak_mebibytes
from optimove_pipeline_tests.stages.packing import DAY, READY, SENDS, options


def main(parts: int, package_format: str, folder: Path) -> None:
    """Write, package, print."""
    staging = Staging(folder / "staging")
    with staging.writing("validated", SENDS.name, DAY) as writer:
        for number in range(parts):
            writer.write(_rows(number))
    partition = staging.open("validated", SENDS.name, DAY)
    made = package(SENDS, partition, options(format=package_format), folder / "packages", ready=READY)
    sys.stdout.write(f"{made.rows} {peak_mebibytes()}\n")


def _rows(number: int) -> pl.DataFrame:
    row = pl.int_range(number * ROWS_PER_PART, (number + 1) * ROWS_PER_PART, eager=True)
    text = row.cast(pl.String)
    return pl.DataFrame({"customer_id": "C" + text, "email": "u" + text + "@example.com", "amount": row / 7})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
