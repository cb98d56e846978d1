"""A validated day to compressed CSV: this project's way, and the usual ones, which neither cut nor clean up."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import duckdb
import polars as pl

from optimove_pipeline.feeds import Feed
from optimove_pipeline.settings.packages import Packages
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import ROWS_PER_PART, Partition, Staging

DAY = date(2026, 11, 19)
FEED = Feed(name="customers", title="Customers", group="data_sets", columns=(), key=("Player_ID",))

_NAMES = ["Anna", "José", "Zoë", "O'Neil, Pat", "Ann", "Carl", "Lee", "María", "Kim", "Jürgen"]


def write_day(staging: str, parts: int) -> int:
    """Write a validated day of 12 columns: text, dates, flags, times and numbers; return its rows."""
    with Staging(Path(staging)).writing("validated", FEED.name, DAY) as writer:
        for number in range(parts):
            writer.write(customers(number))
    return writer.rows


def customers(number: int) -> pl.DataFrame:
    """Return a part of 122,880 customers, by its number."""
    row = pl.int_range(number * ROWS_PER_PART, (number + 1) * ROWS_PER_PART, eager=True).alias("row")
    mixed = pl.col("row") * 7919
    return row.to_frame().select(
        Player_ID="C" + pl.col("row").cast(pl.String),
        Registration_Date=pl.date(2020, 1, 1) + pl.duration(days=mixed % 2000),
        Email="u" + pl.col("row").cast(pl.String) + "@example.com",
        First_Name=pl.lit(pl.Series(_NAMES)).gather(mixed % len(_NAMES)),
        Address="Street " + (mixed % 977).cast(pl.String) + " no. " + (mixed % 83).cast(pl.String),
        Country=pl.lit(pl.Series(["SE", "UK", "DE", None])).gather(mixed % 4),
        Is_OptIn=mixed % 3 == 0,
        Balance=(mixed % 1_000_003) / 97,
        Bonus=(mixed % 10_007) / 13,
        Games=mixed % 1000,
        Affiliate_ID=(mixed % 5003).cast(pl.String),
        LastUpdated=pl.datetime(2026, 11, 19) + pl.duration(seconds=mixed % 86_400),
    )


def ours(staging: str, into: str) -> int:
    """Package the day with the settings that are usual; return the rows."""
    ready = datetime(2026, 11, 20, 6, tzinfo=UTC)
    return package(FEED, _day(staging), Packages().of(FEED.name), Path(into), ready=ready).rows


def by_rows(staging: str, into: str) -> int:
    """Write row by row with ``csv.writer`` through Python's gzip at level 6, as scripts made at home do."""
    day = _day(staging)
    with gzip.open(Path(into) / "customers.csv.gz", "wt", compresslevel=6, encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(day.columns)
        for part in day.parts:
            lines.writerows(part.read(list(day.columns)).iter_rows())
    return day.rows


def by_gzip(staging: str, into: str) -> int:
    """Write each part with ``polars.write_csv`` through Python's gzip at level 6, its command's usual one."""
    day = _day(staging)
    with gzip.open(Path(into) / "customers.csv.gz", "wb", compresslevel=6) as file:
        for number, part in enumerate(day.parts):
            lines = BytesIO()
            part.read(list(day.columns)).write_csv(lines, include_header=number == 0)
            file.write(lines.getbuffer())
    return day.rows


def by_sink(staging: str, into: str) -> int:
    """Stream with ``polars.sink_csv(compression="gzip")``."""
    day = _day(staging)
    pl.scan_parquet(day.files).sink_csv(Path(into) / "customers.csv.gz", compression="gzip")
    return day.rows


def by_duckdb(staging: str, into: str) -> int:
    """Write with DuckDB's COPY."""
    day = _day(staging)
    duckdb.connect().execute(
        f"COPY (SELECT * FROM read_parquet(?)) TO '{Path(into) / 'customers.csv.gz'}' "
        "(FORMAT csv, HEADER, COMPRESSION gzip)",
        [[str(file) for file in day.files]],
    )
    return day.rows


def _day(staging: str) -> Partition:
    return Staging(Path(staging)).open("validated", FEED.name, DAY)
