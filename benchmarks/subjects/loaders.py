"""A day into a table of a database: this project's way, and the engine's own bulk load of files made beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import polars as pl
import psycopg
import pymysql
from psycopg import sql
from pydantic import TypeAdapter

from benchmarks.subjects.packagers import customers
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.targets.databases.mysql_text import LINES, as_lines
from optimove_pipeline.targets.table import STAMP, Replace, Rows, Table, TableColumn

PARTITION = "2026-11-19"
RAW = "raw"
"""The file of the engine's own bulk load, in the folder of the day."""
_BLOCK = 2**20
_MONEY = pl.Decimal(18, 4)


def table() -> Table:
    """Return the table of the day: a key, a change column, a customer."""
    schema = _typed(customers(0).head(1)).schema
    return Table(
        feed="customers",
        name="Customers",
        columns=tuple(TableColumn(name, dtype, required=name == "Player_ID") for name, dtype in schema.items()),
        key=("Player_ID",),
        unique=True,
        replace=Replace.KEYS,
        changed="LastUpdated",
        customer="Player_ID",
    )


def write_day(folder: str, parts: int) -> int:
    """Write the day in the types of the table, a file for each frame; return its rows."""
    frames = [_typed(customers(number)) for number in range(parts)]
    for number, frame in enumerate(frames):
        frame.write_parquet(Path(folder) / f"{number:03d}.parquet")
    return sum(frame.height for frame in frames)


def write_lines(folder: str) -> None:
    """Write the file of LOAD DATA."""
    with (Path(folder) / RAW).open("wb") as file:
        for frame in _frames(folder):
            file.write(as_lines(frame.with_columns(pl.lit(PARTITION).alias(STAMP))))


def ours(target: dict[str, Any], folder: str) -> None:
    """Load the day as the load stage does."""
    settings = TypeAdapter(AnyTarget).validate_python(target)
    assert isinstance(settings, TableTargetSettings)
    rows = Rows(
        table=table(),
        partition=PARTITION,
        source="benchmark",
        count=0,
        run_id="benchmark",
        window=None,
        frames=lambda: _frames(folder),
    )
    settings.open("benchmark", Path(folder)).load(rows)


def raw_copy(dsn: str, folder: str) -> None:
    """COPY the file of PostgreSQL's own binary form, made by the server itself."""
    with _copying(dsn, "binary") as copy, (Path(folder) / RAW).open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            copy.write(block)


def csv_copy(dsn: str, folder: str) -> None:
    """COPY CSV that Polars writes, the other way that rows could have taken."""
    with _copying(dsn, "csv") as copy:
        for frame in _frames(folder):
            copy.write(frame.with_columns(pl.lit(PARTITION)).write_csv(include_header=False))


def load_data(port: int, folder: str) -> None:
    """LOAD DATA LOCAL of a file."""
    file = str(Path(folder) / RAW)
    address: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": "root", "database": "optimove"}
    with pymysql.connect(**address, local_infile=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE _Customers CHARACTER SET utf8mb4 {LINES}")
        connection.commit()


@contextmanager
def _copying(dsn: str, form: LiteralString) -> Iterator[psycopg.Copy]:
    statement = sql.SQL('COPY optimove."_Customers" FROM STDIN (FORMAT {})').format(sql.SQL(form))
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        yield copy


def _frames(folder: str) -> Iterator[pl.DataFrame]:
    for file in sorted(Path(folder).glob("*.parquet")):
        yield pl.read_parquet(file)


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("Balance", "Bonus").round(4).cast(_MONEY))
