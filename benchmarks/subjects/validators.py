"""Validating a partition of customers: this project's way, dataframely's, and expressions of Polars written by hand.

The nine rules: id and date of registration required, e-mail of form and length, two lists of values, an amount not
below zero, a moment not in the future, uniqueness of the id.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from optimove_pipeline.datasets.dataset import Content, ContractColumn, Dataset
from optimove_pipeline.datasets.known import Known
from optimove_pipeline.datasets.validation import validate_dataset
from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.staging import ROWS_PER_PART, Staging

DAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
COUNTRIES = ["SE", "UK", "DE", "FR"]
GENDERS = ["Male", "Female", "Unknown"]
EMAIL = r"^[^@\s]+@[^@\s]+$"

CUSTOMERS = Dataset(
    name="customers",
    title="Customers",
    table="Customers",
    group="datasets",
    content=Content.PROFILE,
    key=("Player_ID",),
    columns=(
        ContractColumn(name="Player_ID", kind=Kind.TEXT, required=True),
        ContractColumn(name="Registration_Date", kind=Kind.DATE, required=True),
        ContractColumn(name="Email", kind=Kind.TEXT, email=True, length=250),
        ContractColumn(name="First_Name", kind=Kind.TEXT),
        ContractColumn(name="Address", kind=Kind.TEXT),
        ContractColumn(name="Country", kind=Kind.TEXT, allowed=tuple(COUNTRIES)),
        ContractColumn(name="Gender", kind=Kind.TEXT, allowed=tuple(GENDERS)),
        ContractColumn(name="Is_OptIn", kind=Kind.FLAG),
        ContractColumn(name="Balance", kind=Kind.NUMBER, minimum=0),
        ContractColumn(name="Games", kind=Kind.INTEGER),
        ContractColumn(name="Affiliate_ID", kind=Kind.TEXT),
        ContractColumn(name="LastUpdated", kind=Kind.TIME, clock=True),
    ),
)
"""Besides the nine rules it has those of all text and dates: blanks, placeholders, sentinels, ISO form."""


_SCHEMA: Any = type(
    "CustomerSchema",
    (dy.Schema,),
    {
        "Player_ID": dy.String(primary_key=True),
        "Registration_Date": dy.Date(nullable=False),
        "Email": dy.String(nullable=True, regex=EMAIL, max_length=250),
        "First_Name": dy.String(nullable=True),
        "Address": dy.String(nullable=True),
        "Country": dy.String(nullable=True, check=lambda value: value.is_in(COUNTRIES)),
        "Gender": dy.String(nullable=True, check=lambda value: value.is_in(GENDERS)),
        "Is_OptIn": dy.Bool(nullable=True),
        "Balance": dy.Float64(nullable=True, min=0),
        "Games": dy.Int64(nullable=True),
        "Affiliate_ID": dy.String(nullable=True),
        "LastUpdated": dy.Datetime(nullable=True, max=NOW.replace(tzinfo=None)),
    },
)


def write_partition(staging: str, parts: int) -> int:
    """Write a partition of 12 columns as extraction does, about 1% of its rows broken; return its rows."""
    with Staging(Path(staging)).writing("dataset", CUSTOMERS.name, DAY) as writer:
        for number in range(parts):
            writer.write(_rows(number))
    return writer.rows


def _rows(number: int) -> pl.DataFrame:
    first = number * ROWS_PER_PART
    row = pl.int_range(first, first + ROWS_PER_PART, eager=True).alias("row")
    mixed = pl.col("row") * 7919
    return row.to_frame().select(
        Player_ID=pl.when(mixed % 500 != 0).then("C" + pl.col("row").cast(pl.String)),
        Registration_Date=pl.date(2020, 1, 1) + pl.duration(days=mixed % 2000),
        Email=pl.when(mixed % 200 == 0)
        .then(pl.lit("no address"))
        .otherwise("u" + pl.col("row").cast(pl.String) + "@example.com"),
        First_Name=pl.lit(pl.Series(["Anna", "José", "Zoë", "O'Neil, Pat", "Jürgen"])).gather(mixed % 5),
        Address="Street " + (mixed % 977).cast(pl.String) + " no. " + (mixed % 83).cast(pl.String),
        Country=pl.when(mixed % 1000 == 3)
        .then(pl.lit("??"))
        .otherwise(pl.lit(pl.Series(COUNTRIES)).gather(mixed % 4)),
        Gender=pl.lit(pl.Series(GENDERS)).gather(mixed % 3),
        Is_OptIn=mixed % 3 == 0,
        Balance=pl.when(mixed % 1000 == 7).then(-1.0).otherwise((mixed % 1_000_003) / 97),
        Games=mixed % 1000,
        Affiliate_ID=(mixed % 5003).cast(pl.String),
        LastUpdated=pl.datetime(2026, 11, 19) + pl.duration(seconds=mixed % 86_400),
    )


def ours(staging: str, into: str) -> list[int]:
    """Validate with this project; return rows kept and rows broken."""
    del into
    found = validate_dataset(
        CUSTOMERS, DAY, Staging(Path(staging)), DatasetSettings(tolerated_share=1.0), Known(), now=NOW
    )
    return [found.rows, found.quarantined]


def by_dataframely(staging: str, into: str) -> list[int]:
    """Filter lazily with dataframely, good rows and broken ones with their rules to Parquet."""
    good, broken = _SCHEMA.filter(_scan(staging), cast=False)
    good.lazy().sink_parquet(Path(into) / "good.parquet")
    broken.sink_parquet(Path(into) / "broken.parquet")
    return _counted(into)


def by_polars(staging: str, into: str) -> list[int]:
    """Look for repeated ids first, then stream good and broken rows to Parquet by a bit for each rule."""
    rows = _scan(staging)
    ids = rows.group_by("Player_ID").len().filter(pl.col("len") > 1).collect(engine="streaming")["Player_ID"]
    broken = {
        "required:Player_ID": pl.col("Player_ID").is_null(),
        "required:Registration_Date": pl.col("Registration_Date").is_null(),
        "email:Email": ~pl.col("Email").str.contains(EMAIL),
        "length:Email": pl.col("Email").str.len_chars() > 250,
        "allowed:Country": ~pl.col("Country").is_in(COUNTRIES),
        "allowed:Gender": ~pl.col("Gender").is_in(GENDERS),
        "minimum:Balance": pl.col("Balance") < 0,
        "future:LastUpdated": pl.col("LastUpdated") > NOW.replace(tzinfo=None),
        "unique": pl.col("Player_ID").is_in(ids.implode()),
    }
    bits = pl.sum_horizontal(
        flag.fill_null(value=False).cast(pl.UInt16) * 2**place for place, flag in enumerate(broken.values())
    )
    judged = rows.with_columns(rules=bits)
    judged.filter(pl.col("rules") == 0).drop("rules").sink_parquet(Path(into) / "good.parquet")
    judged.filter(pl.col("rules") != 0).sink_parquet(Path(into) / "broken.parquet")
    return _counted(into)


def _scan(staging: str) -> pl.LazyFrame:
    return pl.scan_parquet(Staging(Path(staging)).open("dataset", CUSTOMERS.name, DAY).files)


def _counted(into: str) -> list[int]:
    files = (Path(into) / f"{name}.parquet" for name in ("good", "broken"))
    return [int(pl.scan_parquet(file).select(pl.len()).collect().item()) for file in files]
