"""A small feed of every kind of column, and days of it at the first stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from optimove_pipeline.feeds import Column, Feed, Kind
from optimove_pipeline.staging import ROWS_PER_PART, Staging

DAY, NEXT_DAY = date(2026, 11, 19), date(2026, 11, 20)

SENDS = Feed(
    name="sends",
    title="Customers' sends",
    group="customers",
    columns=(
        Column("campaign_id", Kind.INTEGER, required=True, minimum=0, description="the customer's campaign"),
        Column("customer_id", Kind.TEXT, "CustomerID", required=True),
        Column("future_value", Kind.NUMBER, "FutureValue"),
        Column("is_multi_channel", Kind.FLAG, "IsMultiChannel"),
        Column("start_date", Kind.DATE, "Date"),
        Column("scheduled_time", Kind.TIME, "ScheduledTime"),
    ),
    key=("campaign_id", "customer_id"),
    unique=False,
)
UNIQUE_SENDS = Feed(
    name="sends", title="", group="customers", columns=SENDS.columns, key=SENDS.key, unique=True, open_schema=True
)

Row = Mapping[str, object]


def row(customer: str | None = "8D871", **values: str | int | None) -> dict[str, str | int | None]:
    """Return a sound row of the feed as text, of the first page of the first call, with other values if given."""
    return {
        "campaign_id": "7",
        "customer_id": customer,
        "future_value": "12.5",
        "is_multi_channel": "true",
        "start_date": "2026-11-19",
        "scheduled_time": "2026-11-19 10:30:00",
        "_call": 0,
        "_page": 0,
    } | values


def extracted(
    staging: Staging,
    rows: Sequence[Row],
    day: date = DAY,
    *,
    feed: Feed = SENDS,
    rows_per_part: int = ROWS_PER_PART,
) -> None:
    """Write a day's rows at the first stage, in the columns that each part's rows have."""
    with staging.writing("report", feed.name, day, rows_per_part=rows_per_part) as writer:
        for start in range(0, len(rows), rows_per_part):
            writer.write(_frame(rows[start : start + rows_per_part]))


def _frame(rows: Sequence[Row]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for each in rows for name in each))
    schema = {name: pl.UInt32() if name in {"_call", "_page"} else pl.String() for name in names}
    return pl.DataFrame([dict(each) for each in rows], schema=schema)


def held(staging: Staging, stage: str, day: date = DAY, feed: Feed = SENDS) -> pl.DataFrame:
    """Return all rows of a partition."""
    partition = staging.open(stage, feed.name, day)
    return pl.concat([pl.read_parquet(part) for part in partition.files]) if partition.parts else pl.DataFrame()
