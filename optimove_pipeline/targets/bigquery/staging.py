"""Rows on their way into BigQuery: a Parquet file, and a load job into a table that expires.

A load job has an id that follows from what it loads. One that was begun before, by a run that was killed perhaps, is
not begun again: BigQuery refuses its id, and its end is waited for instead (Google's guide to job ids).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import Conflict, GoogleAPICallError
from google.cloud.bigquery import LoadJobConfig, SchemaField, SourceFormat, WriteDisposition

from optimove_pipeline.targets.bigquery.client import Session, told
from optimove_pipeline.targets.bigquery.statements import DIALECT, place_of
from optimove_pipeline.targets.databases.layout import rows_table
from optimove_pipeline.targets.databases.replacing import FORGOTTEN
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.table import Rows

_JOBS = 1000


def stage_name(rows: Rows) -> str:
    """Return the name of the stage table of a partition: the same for the same rows."""
    digest = hashlib.sha256(f"{rows.table.feed}\n{rows.partition}\n{rows.source}".encode()).hexdigest()
    return f"{rows.table.feed}_{digest[:24]}"


@contextmanager
def stage_rows(session: Session, rows: Rows) -> Iterator[str]:
    """Yield the name of a stage table that holds a partition's rows.

    Raises:
        TargetError: it was not loaded.
    """
    empty = pl.DataFrame(schema={column.name: column.dtype for column in rows.table.columns})
    kinds = _kinds(rows, session)
    with _file(_tables(rows, empty)) as file:
        _load(session, file, stage_name(rows), kinds, rows.count)
    yield stage_name(rows)
    _drop(session, stage_name(rows))


@contextmanager
def stage_forgotten(session: Session, rows: Rows) -> Iterator[str | None]:
    """Yield the name of a stage table with the ids of forgotten customers; None if there are none.

    They are loaded and not written into a statement, for BigQuery keeps statements in its history.
    """
    if not rows.forgotten:
        yield None
        return
    ids = pl.DataFrame({FORGOTTEN: sorted(rows.forgotten)}, schema={FORGOTTEN: pl.String()})
    digest = hashlib.sha256("\n".join(ids[FORGOTTEN]).encode()).hexdigest()[:8]
    name = f"{stage_name(rows)}_forgotten_{digest}"
    with _file(iter([ids.to_arrow()])) as file:
        _load(session, file, name, [SchemaField(FORGOTTEN, "STRING")], ids.height)
    yield name
    _drop(session, name)


def _tables(rows: Rows, empty: pl.DataFrame) -> Iterator[pa.Table]:
    yield empty.to_arrow()
    for frame in rows.frames():
        yield frame.select(empty.columns).to_arrow()


@contextmanager
def _file(tables: Iterator[pa.Table]) -> Iterator[IO[bytes]]:
    first = next(tables)
    with tempfile.TemporaryDirectory(prefix="optimove-") as folder:
        path = Path(folder) / "rows.parquet"
        with pq.ParquetWriter(path, first.schema, compression="snappy") as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(table)
        with path.open("rb") as file:
            yield file


def _kinds(rows: Rows, session: Session) -> list[SchemaField]:
    made = rows_table(rows.table, place_of(session.settings, session.settings.stage_dataset))
    columns = [made.columns[column.name] for column in rows.table.columns]
    return [_field(column.name, column.type.compile(DIALECT)) for column in columns]


def _field(name: str, kind: str) -> SchemaField:
    base, _, digits = kind.rstrip(")").partition("(")
    if not digits:
        return SchemaField(name, base)
    precision, scale = map(int, digits.split(","))
    return SchemaField(name, base, precision=precision, scale=scale)


def _load(session: Session, file: IO[bytes], stage: str, fields: list[SchemaField], rows: int) -> None:
    config = LoadJobConfig(
        source_format=SourceFormat.PARQUET, schema=fields, write_disposition=WriteDisposition.WRITE_TRUNCATE
    )
    destination = f"{session.settings.project}.{session.settings.stage_dataset}.{stage}"
    with told(session.label, f"load {stage}"):
        for number in range(1, _JOBS):
            job_id = f"optimove-{stage}-{number}"
            if _is_loaded(session, _begin(session, file, destination, config, job_id), destination, rows):
                return
    raise TargetError(f"{session.label}: {stage} was loaded {_JOBS} times and never held {rows:,} rows")


def _begin(
    session: Session, file: IO[bytes], destination: str, config: LoadJobConfig, job_id: str
) -> tuple[Any, bool]:
    """Return the job of an id, and whether it was begun before."""
    region, once = session.settings.region, session.once
    try:
        own = session.client.load_table_from_file(
            file, destination, rewind=True, job_id=job_id, location=region, job_config=config, timeout=once["timeout"]
        )
    except Conflict:
        return session.client.get_job(job_id, location=region, **once), True
    return own, False


def _is_loaded(session: Session, begun: tuple[Any, bool], destination: str, rows: int) -> bool:
    """Return whether a job has brought all rows; one that was begun before may have failed, or its table expired."""
    job, was_begun = begun
    try:
        job.result(**session.until_done)
        held = session.client.get_table(destination, **session.once).num_rows
    except GoogleAPICallError:
        if was_begun:
            return False
        raise
    if held != rows and not was_begun:
        raise TargetError(f"{session.label}: {destination} holds {held} rows after its load, expected {rows:,}")
    return bool(held == rows)


def _drop(session: Session, stage: str) -> None:
    with told(session.label, f"drop {stage}"):
        name = f"{session.settings.project}.{session.settings.stage_dataset}.{stage}"
        session.client.delete_table(name, not_found_ok=True, **session.once)
