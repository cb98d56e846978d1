"""A process that validates and publishes a large day; prints its rows and peak memory in MiB as it goes."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.stages.validate import validate
from optimove_pipeline.staging import ROWS_PER_PART, Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.peak import peak_mebibytes
from optimove_pipeline_tests.stages.days import DAY

REPORT = BY_NAME["customer_execution_details_by_campaign"]
ATTRIBUTES = ["attribute_email", "attribute_country"]


def main(parts: int, repeated: bool, folder: Path) -> None:
    """Write, validate, publish, print. Where ``repeated``, every second part has the rows of the one before."""
    staging = Staging(folder / "staging")
    with staging.writing("report", REPORT.name, DAY) as writer:
        for number in range(parts):
            writer.write(_part(number - number % 2, page=number % 2) if repeated else _part(number, page=0))
    found = validate(REPORT, DAY, staging, tolerated_share=0, attributes=ATTRIBUTES)
    validated = peak_mebibytes()
    published = publish(REPORT, [DAY], staging, Warehouse(folder / "warehouse.duckdb"), "a run")
    sys.stdout.write(f"{found.repeated_rows} {published.rows[DAY]} {validated} {peak_mebibytes()}\n")


def _part(number: int, page: int) -> pl.DataFrame:
    row = pl.int_range(number * ROWS_PER_PART, (number + 1) * ROWS_PER_PART, eager=True)
    text = row.cast(pl.String)
    return pl.DataFrame(
        {
            "campaign_id": (row % 97 + 1000).cast(pl.String),
            "customer_id": "C" + text,
            "action_id": (row % 37).cast(pl.String),
            "channel_id": (row % 5 + 504).cast(pl.String),
            "template_id": (row % 211).cast(pl.String),
            "template_name": "Template " + (row % 211).cast(pl.String),
            "scheduled_time": "2026-11-19 10:30:" + (row % 50 + 10).cast(pl.String),
            "promo_code": "HEP-" + (row % 13).cast(pl.String),
            "attribute_email": "u" + text + "@example.com",
            "attribute_country": pl.repeat("SE", row.len(), eager=True),
            "_call": (row * 0).cast(pl.UInt32),
            "_page": (row * 0 + page).cast(pl.UInt32),
        }
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "repeated", Path(sys.argv[3]))
