"""The baselines of the load: dlt from the same answers into DuckDB, by dicts and by Arrow tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import duckdb

from benchmarks.pages import page_rows
from optimove_pipeline.optimove.raw_answers import open_answer

_TABLE = "wide_send_details"


def by_dicts(answers: str, pages: int, into: str, file_format: str | None = None) -> int:
    """Yield each answer's list of dicts; return the table's rows."""
    return _run((json.loads(_text(file)) for file in _files(answers, pages)), into, file_format)


def by_arrow(answers: str, pages: int, into: str) -> int:
    """Yield each answer as an Arrow table, parsed by Polars with the types known; return the table's rows."""
    schema = page_rows(0, 1).schema
    tables = (pl.read_json(_text(file), schema=schema).to_arrow() for file in _files(answers, pages))
    return _run(tables, into, None)


def _files(answers: str, pages: int) -> list[Path]:
    return sorted(Path(answers).iterdir())[:pages]


def _text(file: Path) -> bytes:
    with open_answer(file) as stream:
        return stream.read()


def _run(pages: Iterator[Any], into: str, file_format: str | None) -> int:
    warehouse = Path(into) / "warehouse.duckdb"
    pipeline = dlt.pipeline(
        "wide_send_details",
        pipelines_dir=str(Path(into) / "dlt"),
        destination=dlt.destinations.duckdb(str(warehouse)),
        dataset_name="optimove",
    )
    pipeline.run(dlt.resource(pages, name=_TABLE), loader_file_format=file_format, write_disposition="replace")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        counted = connection.execute(f"SELECT count(*) FROM optimove.{_TABLE}").fetchone()
    assert counted is not None
    return int(counted[0])
