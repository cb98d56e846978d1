"""The candidates: this project's own way from landed answers to a table, and from an answer to frames."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
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

_READERS = 4
"""Answers read at a time, as the client's default (``ApiOptions.readers``)."""


def load(answers: str, calls: int, pages: int, into: str) -> int:
    """Take ``calls`` calls of ``pages`` landed answers each to ``optimove.<report>``; return the table's rows.

    Answers are read by as many threads as the client has. If there are too few, further calls have the same ones
    again, which their stamps tell apart.
    """
    landing, staging = Landing(Path(into) / "landing"), Staging(Path(into) / "staging")
    files = cycle(sorted(Path(answers).iterdir()))
    planned = [_call(number) for number in range(calls)]
    answered = [[next(files) for _ in range(pages)] for _ in planned]
    with ThreadPoolExecutor(_READERS) as readers:
        landed = [*readers.map(partial(_land, landing), planned, answered)]
    assemble(staging, REPORT, DAY, landed, {})
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
