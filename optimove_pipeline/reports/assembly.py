"""Assembly: the landed pages of a day's calls, stamped, become the partition of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.landing import Page
from optimove_pipeline.reports.report import Report
from optimove_pipeline.staging import Staging

CALL, PAGE = "_call", "_page"
"""Columns (UInt32) that tell which call of the plan, and which page of it, a row came from."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one day's extraction brought: rows, planned calls, their pages, and the raw answers' bytes."""

    day: date
    rows: int
    calls: int
    pages: int
    size: int


def assemble(
    staging: Staging,
    report: Report,
    day: date,
    calls: Sequence[Call],
    pages: Sequence[Sequence[Page]],
    wanted: Mapping[str, frozenset[str]],
) -> Extracted:
    """Write the partition ``report/<name>`` of a day.

    Its columns are text: the documented ones, stamps, ``attribute_*`` and unknown fields as they came; besides
    them ``_call`` and ``_page``. Rows without a ``wanted`` value, by column, are left out.
    """
    with staging.writing("report", report.name, day) as writer:
        writer.write(_no_rows(report))
        for number, (call, of_call) in enumerate(zip(calls, pages, strict=True)):
            for page_number, page in enumerate(of_call):
                for file in page.files:
                    frame = _stamped(pl.read_parquet(file), call).with_columns(
                        pl.lit(number, pl.UInt32).alias(CALL), pl.lit(page_number, pl.UInt32).alias(PAGE)
                    )
                    writer.write(_only(frame, wanted))
        size = sum(page.size for of_call in pages for page in of_call)
        extracted = Extracted(day, writer.total, len(calls), sum(map(len, pages)), size)
        writer.metadata |= {"calls": extracted.calls, "pages": extracted.pages, "size": extracted.size}
    return extracted


def _no_rows(report: Report) -> pl.DataFrame:
    text = {column.name: pl.String() for column in report.columns}
    return pl.DataFrame(schema={**text, CALL: pl.UInt32(), PAGE: pl.UInt32()})


def _stamped(frame: pl.DataFrame, call: Call) -> pl.DataFrame:
    """Fill in what the rows don't echo from the request; a value that a row does have wins."""
    stamps = []
    for column, value in call.stamps:
        stamp = pl.lit(value, pl.String)
        stamps.append((pl.coalesce(pl.col(column), stamp) if column in frame.columns else stamp).alias(column))
    return frame.with_columns(stamps)


def _only(frame: pl.DataFrame, wanted: Mapping[str, frozenset[str]]) -> pl.DataFrame:
    if not wanted:
        return frame
    return frame.filter(*(pl.col(column).is_in(sorted(values)) for column, values in wanted.items()))
