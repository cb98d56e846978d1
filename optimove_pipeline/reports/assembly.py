"""Assembly: the landed pages of a day's calls become the partition of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from optimove_pipeline.reports.landing import Page, RowsFile
from optimove_pipeline.reports.report import Report
from optimove_pipeline.staging import PartWriter, Staging

CALL, PAGE = "_call", "_page"
"""Columns (UInt32) that tell which call of the plan, and which page of it, a row came from."""

_ROWS_OF_A_PART = 4096
"""Files of fewer rows are put together: each costs those who read it a millisecond."""


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
    pages: Sequence[Sequence[Page]],
    wanted: Mapping[str, frozenset[str]],
) -> Extracted:
    """Write the partition ``report/<name>`` of a day from the ``pages`` of each of its calls.

    Its columns are text: the documented ones, stamps, ``attribute_*`` and unknown fields as they came; besides
    them ``_call`` and ``_page``. Rows without a ``wanted`` value, by column, are left out.
    """
    with staging.writing("report", report.name, day) as writer:
        writer.write(_no_rows(report))
        for number, of_call in enumerate(pages):
            for page_number, page in enumerate(of_call):
                for file in page.files:
                    _add(writer, file, {CALL: number, PAGE: page_number}, wanted)
        size = sum(page.size for of_call in pages for page in of_call)
        extracted = Extracted(day, writer.total, len(pages), sum(map(len, pages)), size)
        writer.metadata |= {"calls": extracted.calls, "pages": extracted.pages, "size": extracted.size}
    return extracted


def _add(writer: PartWriter, file: RowsFile, numbers: dict[str, int], wanted: Mapping[str, frozenset[str]]) -> None:
    if file.rows >= _ROWS_OF_A_PART and not wanted:
        writer.link(file.path, file.rows, numbers)
    else:
        frame = pl.read_parquet(file.path).with_columns(
            pl.lit(number, pl.UInt32).alias(name) for name, number in numbers.items()
        )
        writer.write(_only(frame, wanted))


def _no_rows(report: Report) -> pl.DataFrame:
    text = {column.name: pl.String() for column in report.columns}
    return pl.DataFrame(schema={**text, CALL: pl.UInt32(), PAGE: pl.UInt32()})


def _only(frame: pl.DataFrame, wanted: Mapping[str, frozenset[str]]) -> pl.DataFrame:
    if not wanted:
        return frame
    return frame.filter(*(pl.col(column).is_in(sorted(values)) for column, values in wanted.items()))
