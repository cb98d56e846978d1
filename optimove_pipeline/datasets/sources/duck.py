"""DuckDB as a source: a file, opened read-only, in one transaction.

Rows leave it through a Parquet file of its own making: DuckDB sorts beyond memory, and writes rows in their order
several times faster than it hands them over one by one.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.drivers import first_line
from optimove_pipeline.datasets.sources.source import BATCH_ROWS
from optimove_pipeline.datasets.sources.sql import JSON, TEXT, Described, SqlSnapshot, selected
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import DuckDbSettings

_MEMORY = "512MB"
_PREPARED = "SET TimeZone = 'UTC'; SET enable_progress_bar = false"
_DAY_SECONDS = 86_400
_LINE = re.compile(r"Line: (\d+)")
_NESTED = ("STRUCT", "MAP", "UNION", "JSON", "VARIANT")


@contextmanager
def open_duckdb(name: str, settings: DuckDbSettings, data_dir: Path) -> Iterator[SqlSnapshot]:
    """Yield a snapshot of a DuckDB file.

    Raises:
        SettingsError: there is no such file, or it is none of DuckDB.
        PartitionError: another process is writing to it.
    """
    path = data_dir / settings.path
    place = f"source {name} (duckdb, {path})"
    if not path.is_file():
        raise SettingsError(f"{place}: there is no such file")
    with scratch(data_dir) as folder:
        with told(place, "open"):
            connection = duckdb.connect(path, read_only=True, config=_config(folder))
        with connection:
            with told(place, "open"):
                connection.execute(_PREPARED)
                connection.execute("BEGIN TRANSACTION READ ONLY")
                # The first statement is what fixes the view.
                connection.execute("SELECT count(*) FROM duckdb_tables()")
            yield SqlSnapshot(place, datetime.now(UTC), DuckSession(place, connection, folder))


@contextmanager
def in_memory(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an empty database that is kept in memory, and in ``folder`` beyond it."""
    with duckdb.connect(config=_config(folder)) as connection:
        connection.execute(_PREPARED)
        yield connection


@contextmanager
def scratch(data_dir: Path) -> Iterator[Path]:
    """Yield a folder for what is on its way; what killed processes have left there goes after a day."""
    root = data_dir / "scratch"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in root.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _DAY_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class DuckSession:
    """One transaction of DuckDB."""

    place: str
    connection: duckdb.DuckDBPyConnection
    folder: Path
    as_of: str = ""
    dialect: Dialect = field(default_factory=DefaultDialect)
    _numbers: Iterator[int] = field(default_factory=count)

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a result."""
        with told(self.place, place):
            rows = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        return {row[0]: _described(row[1]) for row in rows}

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns."""
        return selected(columns, sa.func.to_json)

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows."""
        file = self.folder / f"{next(self._numbers)}.parquet"
        options = f"FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {BATCH_ROWS}"
        with told(self.place, place):
            self.connection.execute(f"COPY ({sql}) TO '{_quoted(file)}' ({options})")
        rows = pl.scan_parquet(file)
        for start in range(0, rows.select(pl.len()).collect().item(), BATCH_ROWS):
            yield rows.slice(start, BATCH_ROWS).collect()
        file.unlink()

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a result, or None."""
        with told(self.place, place):
            row = self.connection.execute(sql).fetchone()
        return row[0] if row else None


@contextmanager
def told(place: str, what: str) -> Iterator[None]:
    """Tell DuckDB's errors in our words."""
    try:
        yield
    except duckdb.IOException as error:
        raise PartitionError(f"{place}: {what}: {first_line(error)}") from None
    except duckdb.InvalidInputException as error:
        raise SettingsError(f"{place}: {what}: {_input_said(error)}") from None
    except duckdb.ConversionException:
        # Its message holds the value.
        raise SettingsError(f"{place}: {what}: a value can't be cast as the query asks") from None
    except duckdb.Error as error:
        raise SettingsError(f"{place}: {what}: {first_line(error)}") from None


def _input_said(error: duckdb.Error) -> str:
    """Return what is wrong with a file, without the line of it that DuckDB quotes."""
    if "CSV" not in str(error) and "sniffing" not in str(error):
        return first_line(error).partition(". ")[0]
    found = _LINE.search(str(error))
    where = f"line {found.group(1)} of a file" if found else "a file"
    return (
        f"{where} is not CSV as the source's csv settings say: check delimiter, quote, escape, header and encoding, "
        "and that each line has as many values as the first"
    )


def _config(folder: Path) -> dict[str, Any]:
    return {
        "memory_limit": _MEMORY,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": False,
    }


def _described(type_name: str) -> Described:
    if type_name.endswith("]") or type_name.startswith(_NESTED):
        return JSON
    if type_name.startswith("TIMESTAMP"):
        return Described(pl.Datetime("us", "UTC" if "WITH TIME ZONE" in type_name else None))
    if type_name.startswith("DECIMAL"):
        precision, scale = map(int, type_name.removeprefix("DECIMAL(").removesuffix(")").split(","))
        return Described(pl.Decimal(precision, scale))
    return Described(_DTYPES[type_name]) if type_name in _DTYPES else TEXT


_DTYPES: dict[str, pl.DataType] = {
    "BOOLEAN": pl.Boolean(),
    "TINYINT": pl.Int8(),
    "SMALLINT": pl.Int16(),
    "INTEGER": pl.Int32(),
    "BIGINT": pl.Int64(),
    "UTINYINT": pl.UInt8(),
    "USMALLINT": pl.UInt16(),
    "UINTEGER": pl.UInt32(),
    "UBIGINT": pl.UInt64(),
    "FLOAT": pl.Float32(),
    "DOUBLE": pl.Float64(),
    "VARCHAR": pl.String(),
    "DATE": pl.Date(),
}


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
