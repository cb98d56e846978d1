"""The input of the load: answers of 12 fields a row, as the client lands them (gzip), and their report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
from isal import igzip

from optimove_pipeline.feeds import Column, Kind
from optimove_pipeline.reports.report import Over, Report

ROWS_PER_PAGE = 10_000
DAY = date(2026, 11, 20)

REPORT = Report(
    number=0,
    name="wide_send_details",
    title="Send Details of 12 Columns",
    group="customers",
    function="customers/GetWideSendDetails",
    over=Over.CAMPAIGN,
    columns=(
        Column("campaign_id", Kind.INTEGER, required=True),
        Column("customer_id", Kind.TEXT, "CustomerID", required=True, personal=True),
        Column("action_id", Kind.INTEGER, "ActionID", required=True, minimum=0),
        Column("channel_id", Kind.INTEGER, "ChannelID", required=True, minimum=0),
        Column("template_id", Kind.TEXT, "TemplateID"),
        Column("template_name", Kind.TEXT, "TemplateName"),
        Column("scheduled_time", Kind.TIME, "ScheduledTime"),
        Column("send_id", Kind.TEXT, "SendID"),
        Column("promo_code", Kind.TEXT, "PromoCode"),
        Column("target_group_id", Kind.INTEGER, "TargetGroupID", minimum=0),
        Column("is_multi_channel", Kind.FLAG, "IsMultiChannel"),
        Column("duration", Kind.INTEGER, "Duration", minimum=0),
        Column("amount", Kind.NUMBER, "Amount"),
    ),
    key=("campaign_id", "channel_id", "customer_id"),
    unique=False,
    paged=True,
)
"""The widest form that the API's customer reports take: 12 fields of every kind, and one stamp."""


def page_rows(first: int, rows: int) -> pl.DataFrame:
    """Return rows ``first`` … of the tenant, in the fields and the types of the answer's JSON."""
    number = pl.int_range(first, first + rows, dtype=pl.UInt64, eager=True).alias("number")
    drawn = number.hash(seed=1).alias("drawn")
    return pl.DataFrame([number, drawn]).select(
        pl.format("C{}", pl.col("number") + 1_000_000_000).alias("CustomerID"),
        (pl.col("drawn") % 40).alias("ActionID"),
        (pl.col("drawn") % 7).alias("ChannelID"),
        (pl.col("drawn") % 500 + 20_000).cast(pl.String).alias("TemplateID"),
        pl.format("Weekly offer, variant {}", pl.col("drawn") % 500).alias("TemplateName"),
        (pl.datetime(2026, 11, 20) + pl.duration(seconds=pl.col("drawn") % 86_400))
        .dt.strftime("%Y-%m-%d %H:%M:%S")
        .alias("ScheduledTime"),
        pl.format("{}-{}", pl.col("drawn"), pl.col("number")).alias("SendID"),
        pl.when(pl.col("drawn") % 3 == 0).then(pl.format("WINTER-{}", pl.col("drawn") % 1000)).alias("PromoCode"),
        (pl.col("drawn") % 300).alias("TargetGroupID"),
        (pl.col("drawn") % 2 == 0).alias("IsMultiChannel"),
        (pl.col("drawn") % 30).alias("Duration"),
        ((pl.col("drawn") % 100_000) / 100).alias("Amount"),
    )


def write_pages(folder: Path, pages: int) -> list[Path]:
    """Write answers of ``ROWS_PER_PAGE`` rows each, gzip, and return their files in order."""
    files = [folder / f"{number:05d}.answer" for number in range(pages)]
    for number, file in enumerate(files):
        text = page_rows(number * ROWS_PER_PAGE, ROWS_PER_PAGE).write_json().encode()
        file.write_bytes(igzip.compress(text))
    return files


def write_answer(file: Path, size: int) -> int:
    """Write one answer of at least ``size`` bytes, not compressed, and return its rows."""
    rows = 0
    with file.open("wb") as stream:
        stream.write(b"[")
        while stream.tell() < size:
            text = page_rows(rows, ROWS_PER_PAGE).write_json().encode()
            stream.write(text[1:-1] if rows == 0 else b"," + text[1:-1])
            rows += ROWS_PER_PAGE
        stream.write(b"]")
    return rows
