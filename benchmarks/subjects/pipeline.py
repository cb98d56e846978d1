"""The candidates: this project's own way from landed answers to a table, and from an answer to frames."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from benchmarks.pages import DAY, REPORT, ROWS_PER_PAGE
from optimove_pipeline.optimove.answers import read_frames
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.assembly import assemble
from optimove_pipeline.reports.landing import Landing, Page
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.stages.validate import validate
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse


def load(answers: str, pages: int, calls: int, into: str) -> int:
    """Take ``pages`` landed answers for each of ``calls`` calls to ``optimove.<report>``; return the table's rows.

    All calls have the same answers, which the stamps tell apart.
    """
    landing, staging = Landing(Path(into) / "landing"), Staging(Path(into) / "staging")
    files = sorted(Path(answers).iterdir())[:pages]
    planned = [_call(number) for number in range(calls)]
    landed = [_land(landing, call, files) for call in planned]
    assemble(staging, REPORT, DAY, planned, landed, {})
    validate(REPORT, DAY, staging, tolerated_share=0.0)
    published = publish(REPORT, [DAY], staging, Warehouse(Path(into) / "warehouse.duckdb"), "benchmark")
    return published.rows[DAY]


def parse(answer: str) -> int:
    """Read one answer as frames; return its rows."""
    return sum(frame.height for frame in read_frames(Path(answer), REPORT.columns))


def _call(number: int) -> Call:
    campaign = str(number + 1)
    return Call(
        REPORT.function,
        (("CampaignID", campaign),),
        REPORT.name,
        DAY,
        stamps=(("campaign_id", campaign),),
        paged=True,
    )


def _land(landing: Landing, call: Call, files: list[Path]) -> list[Page]:
    landed = landing.call(call, partial(read_frames, columns=REPORT.columns))
    pages = []
    for number, file in enumerate(files):
        incoming = landed.incoming(number * ROWS_PER_PAGE)
        os.link(file, incoming)
        pages.append(landed.keep(incoming, number * ROWS_PER_PAGE))
        incoming.unlink()
    return pages
