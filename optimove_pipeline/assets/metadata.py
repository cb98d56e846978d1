"""What a materialisation shows a person: columns with types, a preview of rows, the history of row counts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg
import polars as pl

from optimove_pipeline.feeds import Feed
from optimove_pipeline.staging import Partition

PREVIEW_ROWS = 5
HISTORY_DAYS = 28

_BAR, _GAP, _HEIGHT = 12, 4, 80

_BESIDE_THE_CONTRACT = {"report_date": "the day in the tenant's time zone: the partition"}


def column_schema(feed: Feed, columns: Mapping[str, str]) -> dg.TableSchema:
    """Return the columns of a table for the UI, with the contract's descriptions."""
    return dg.TableSchema(columns=[_table_column(feed, name, dtype) for name, dtype in columns.items()])


def _table_column(feed: Feed, name: str, dtype: str) -> dg.TableColumn:
    documented = feed.column(name)
    constraints = dg.TableColumnConstraints(nullable=not (documented and documented.required))
    described = documented.description if documented else _BESIDE_THE_CONTRACT.get(name)
    return dg.TableColumn(name, dtype, described, constraints)


def preview(feed: Feed, partition: Partition, *, personal: bool) -> dg.MarkdownMetadataValue:
    """Return the first rows as a table; without ``personal`` only columns that tell of no single customer."""
    names = [name for name in partition.columns if not name.startswith("_")]
    if not personal:
        names = [name for name in names if _impersonal(feed, name)]
    if not partition.parts or not names:
        return dg.MetadataValue.md("no rows to show")
    rows = pl.scan_parquet(partition.files[0]).head(PREVIEW_ROWS).collect()
    shown = rows.select(name for name in names if name in rows.columns)
    lines = [_line(shown.columns), _line(["---"] * shown.width), *(_line(row) for row in shown.iter_rows())]
    note = "" if personal else "\n\nColumns that tell of single customers are left out (`warehouse.preview`)."
    return dg.MetadataValue.md("\n".join(lines) + note)


def _impersonal(feed: Feed, name: str) -> bool:
    if name == "report_date":
        return True
    documented = feed.column(name)
    return documented is not None and not documented.personal


def _line(values: Sequence[object]) -> str:
    cells = ("" if value is None else str(value).replace("|", "\\|").replace("\n", " ") for value in values)
    return f"| {' | '.join(cells)} |"


def history_plot(counts: Mapping[date, int]) -> dg.MarkdownMetadataValue:
    """Return the row counts of the newest days as a bar chart."""
    days = sorted(counts)[-HISTORY_DAYS:]
    most = max((counts[day] for day in days), default=0) or 1
    width = len(days) * (_BAR + _GAP)
    bars = []
    for position, day in enumerate(days):
        height = round(counts[day] / most * _HEIGHT)
        bars.append(
            f'<rect x="{position * (_BAR + _GAP)}" y="{_HEIGHT - height}" width="{_BAR}" height="{height}">'
            f"<title>{day}: {counts[day]:,} rows</title></rect>"
        )
    size = f'width="{width}" height="{_HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} fill="#4f43dd">{"".join(bars)}</svg>'
    image = base64.b64encode(svg.encode()).decode()
    span = f"{days[0]} to {days[-1]}" if days else "no days yet"
    return dg.MetadataValue.md(f"![rows per day](data:image/svg+xml;base64,{image})\n\n{span}, at most {most:,} rows")
