"""A partition into its table: uploaded to a stage of the session, copied beside the table, put in place at once.

Whatever is DDL, which would end a transaction, comes before the one transaction; what it makes is temporary, and goes
with the session.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.snowflake.names import Names, literal, quoted
from optimove_pipeline.targets.snowflake.parts import parts_of
from optimove_pipeline.targets.snowflake.replacing import (
    FORGOTTEN,
    ID,
    LOADED,
    forgetting,
    newest_partition,
    receipt,
    replacing,
)
from optimove_pipeline.targets.snowflake.session import SnowflakeSession
from optimove_pipeline.targets.snowflake.statements import sql_type
from optimove_pipeline.targets.table import Replace, Rows

_STAGE = "LOADING"
_FORMAT = "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE NULL_IF = ())"
"""Without the first option times are numbers; without the second a text ``\\N`` is NULL."""
_IDS_AT_ONCE = 100_000


def load_rows(session: SnowflakeSession, names: Names, rows: Rows, folder: Path) -> None:
    """Load a partition into its table, which is there. Raises ``TargetError``; then all is as it was.

    ``folder`` holds files of rows while they are uploaded, and is empty afterwards.
    """
    what = f"load {rows.table.name} of {rows.partition}"
    session.run(f"USE SCHEMA {names.tables}", what)
    statements = [*receipt(names, rows)]
    with _emptied(folder):
        if not _is_outdated(session, names, rows):
            _stage(session, rows, folder)
            statements = [*replacing(names, rows), *statements]
        if rows.forgotten:
            _stage_forgotten(session, rows.forgotten, folder)
            statements += forgetting(names, rows.table)
    with session.transaction(what):
        for sql in statements:
            session.run(sql, what)


def _is_outdated(session: SnowflakeSession, names: Names, rows: Rows) -> bool:
    """Return whether the table holds all rows as of a later partition."""
    if rows.table.replace is not Replace.ALL:
        return False
    (row,) = session.run(newest_partition(names, rows.table.feed), f"look for receipts of {rows.table.feed}")
    return row["newest"] is not None and str(row["newest"]) > rows.partition


def _stage(session: SnowflakeSession, rows: Rows, folder: Path) -> None:
    columns = [f"{quoted(column.name)} {sql_type(column.dtype)}" for column in rows.table.columns]
    _copy(session, LOADED, ", ".join(columns), rows.frames(), folder, "rows")
    (counted,) = session.run(f"SELECT COUNT(*) AS {quoted('ROWS')} FROM {LOADED}", "count what was uploaded")  # noqa: S608 - our own
    if counted["rows"] != rows.count:
        raise TargetError(
            f"{session.label}: {rows.table.name} of {rows.partition}: {counted['rows']:,} rows were copied, expected "
            f"{rows.count:,}; nothing was changed, try again"
        )


def _stage_forgotten(session: SnowflakeSession, ids: Iterable[str], folder: Path) -> None:
    known = sorted(ids)
    frames = (pl.DataFrame({ID: known[at : at + _IDS_AT_ONCE]}) for at in range(0, len(known), _IDS_AT_ONCE))
    _copy(session, FORGOTTEN, f"{quoted(ID)} VARCHAR", frames, folder, "forgotten")


def _copy(
    session: SnowflakeSession, table: str, columns: str, frames: Iterable[pl.DataFrame], folder: Path, name: str
) -> None:
    """Make a temporary table and copy rows into it, through a stage of the same lifetime."""
    stage, what = f"{_STAGE}_{name.upper()}", f"upload {name}"
    session.run(f"CREATE TEMPORARY TABLE {table} ({columns})", what)
    session.run(f"CREATE TEMPORARY STAGE {stage}", what)
    for file in parts_of(frames, folder, name):
        address = literal(f"file://{file.as_posix()}")
        session.run(f"PUT {address} @{stage} SOURCE_COMPRESSION = NONE AUTO_COMPRESS = FALSE OVERWRITE = TRUE", what)
        file.unlink()
    session.run(
        f"COPY INTO {table} FROM @{stage} {_FORMAT} MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT",
        what,
    )


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Have a folder that is empty before and gone afterwards: a load that was killed left files in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder)
