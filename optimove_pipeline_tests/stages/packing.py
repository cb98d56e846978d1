"""Days of a small feed, packaged, and read back by readers that are not ours."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from optimove_pipeline.feeds import Column, Feed, Kind
from optimove_pipeline.packages import Package
from optimove_pipeline.settings.packages import PackageOptions, Packages
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import ROWS_PER_PART, Partition, Staging

DAY = date(2026, 11, 19)
READY = datetime(2026, 11, 20, 6, tzinfo=UTC)

SENDS = Feed(
    name="sends",
    title="Customers' sends",
    group="customers",
    columns=(Column("customer_id", Kind.TEXT, "CustomerID", required=True),),
    key=("customer_id",),
)


def options(**settings: Any) -> PackageOptions:
    """Return how the feed is packaged with these settings below ``packages``."""
    return Packages.model_validate(settings).of(SENDS.name)


def validated(folder: Path, frame: pl.DataFrame, rows_per_part: int = ROWS_PER_PART) -> Partition:
    """Write a day's validated rows."""
    staging = Staging(folder / "staging")
    with staging.writing("validated", SENDS.name, DAY, rows_per_part=rows_per_part) as writer:
        writer.write(frame)
    return staging.open("validated", SENDS.name, DAY)


def packaged(folder: Path, frame: pl.DataFrame, **settings: Any) -> Package:
    """Package rows with these settings."""
    return package(SENDS, validated(folder, frame), options(**settings), folder / "packages", ready=READY)


def contents(made: Package) -> list[bytes]:
    """Return what each part holds, decompressed by Python's gzip."""
    parts = [made.file(part).read_bytes() for part in made.parts]
    return [gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part for part in parts]


def text(made: Package) -> str:
    """Return what the only part holds."""
    (content,) = contents(made)
    return content.decode()


def line(folder: Path, **settings: Any) -> str:
    """Return the one line, without its end, of the one row whose columns are the ``row`` of the settings."""
    row: dict[str, Any] = settings.pop("row")
    return text(packaged(folder, pl.DataFrame(row, orient="row"), **settings)).splitlines()[-1]


def by_python(made: Package, delimiter: str = ",", quote: str = '"') -> list[list[str]]:
    """Return the rows of CSV parts as Python's csv reads them; NULL and empty text look the same to it."""
    rows: list[list[str]] = []
    for content in contents(made):
        lines = io.StringIO(content.decode(), newline="")
        header, *body = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
        assert header == list(made.columns)
        rows += body
    return rows


def by_duckdb(made: Package, delimiter: str = ",", quote: str = '"') -> list[tuple[str | None, ...]]:
    """Return the rows of CSV parts as DuckDB reads them, every value as text."""
    columns = dict.fromkeys(made.columns, "VARCHAR")
    rows: list[tuple[str | None, ...]] = []
    with duckdb.connect() as connection:
        for part in made.parts:
            rows += connection.execute(
                "SELECT * FROM read_csv(?, auto_detect = false, header = true, columns = ?, delim = ?, quote = ?, "
                "escape = ?, nullstr = '', allow_quoted_nulls = false, compression = 'gzip', strict_mode = true)",
                [str(made.file(part)), columns, delimiter, quote, quote],
            ).fetchall()
    return rows
