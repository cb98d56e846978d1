"""Databases: a day into a table with its indexes, against the engine's own bulk load of the same rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pymysql

from benchmarks.measuring import Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.loaders import RAW, table, write_day, write_lines
from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline_tests.servers.mariadb import mariadb_server
from optimove_pipeline_tests.servers.postgres import postgres_server

PARTS = 8
"""Parts of 122,880 rows: a million."""
ROUNDS = 2
_SUBJECTS = "benchmarks.subjects.loaders:"
_BY_KEY, _AGAIN = "load into the empty table", "load over the same keys"
_COPY, _CSV, _LOAD_DATA = "COPY of a binary file", "COPY of CSV from Polars", "LOAD DATA LOCAL of a file"
_COMMON: dict[str, Any] = {
    "host": "127.0.0.1",
    "tls": "disable",
    "reader_password": "${READER_PASSWORD}",
    "reader_hosts": ("127.0.0.1",),
    "timeout_seconds": 30,
}


def measure_databases(parts: int = PARTS, rounds: int = ROUNDS) -> Section:
    """Measure rows a second into PostgreSQL and MariaDB."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        rows = write_day(folder, parts)
        postgres, mysql = _postgres(folder, rounds), _mysql(folder, rounds)
    return Section("Databases", _note(rows), (*_figures(postgres, rows, _COPY), *_figures(mysql, rows, _LOAD_DATA)))


def _postgres(folder: str, rounds: int) -> dict[str, Measured]:
    with postgres_server() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        port = connection.info.port
        own = PostgresTargetSettings(kind="postgres", port=port, database="postgres", username="postgres", **_COMMON)
        _load_once(own, folder)
        copied = 'COPY optimove."_Customers" TO STDOUT (FORMAT binary)'
        with (
            (Path(folder) / RAW).open("wb") as file,
            connection.cursor() as cursor,
            cursor.copy(copied) as blocks,
        ):
            file.writelines(blocks)

        def empty() -> None:
            connection.execute('TRUNCATE optimove."_Customers"')

        def held() -> int:
            return int(connection.execute('SELECT count(*) FROM optimove."_Customers"').fetchall()[0][0])

        others = {_COPY: ("raw_copy", {"dsn": dsn}), _CSV: ("csv_copy", {"dsn": dsn})}
        return alternate(rounds, _subjects(own, folder, others, empty, held))


def _mysql(folder: str, rounds: int) -> dict[str, Measured]:
    with (
        mariadb_server() as port,
        pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE DATABASE optimove")
        own = MySqlTargetSettings(kind="mysql", port=port, database="optimove", username="root", **_COMMON)
        _load_once(own, folder)
        write_lines(folder)

        def empty() -> None:
            cursor.execute("TRUNCATE optimove._Customers")

        def held() -> int:
            cursor.execute("SELECT count(*) FROM optimove._Customers")
            return int(cursor.fetchall()[0][0])

        return alternate(rounds, _subjects(own, folder, {_LOAD_DATA: ("load_data", {"port": port})}, empty, held))


def _load_once(own: DatabaseTargetSettings, folder: str) -> None:
    """Make the table, and check the day."""
    measure(f"{_SUBJECTS}ours", target=own.model_dump(mode="json"), folder=folder)


def _subjects(
    own: DatabaseTargetSettings,
    folder: str,
    others: dict[str, tuple[str, dict[str, Any]]],
    empty: Callable[[], None],
    held: Callable[[], int],
) -> dict[str, Callable[[], Measured]]:
    """Return the subjects, each into an empty table but the one that finds its own rows there."""
    target = own.model_dump(mode="json")
    of: dict[str, tuple[str, dict[str, Any]]] = {
        _BY_KEY: ("ours", {"target": target}),
        _AGAIN: ("ours", {"target": target}),
        **others,
    }

    def subject(name: str) -> Measured:
        function, arguments = of[name]
        if name != _AGAIN:
            empty()
        measured = measure(f"{_SUBJECTS}{function}", folder=folder, **arguments)
        return Measured(measured.seconds, measured.cpu_seconds, measured.peak_bytes, held())

    return {name: lambda name=name: subject(name) for name in of}  # type: ignore[misc]


def _figures(of: dict[str, Measured], rows: int, baseline: str) -> tuple[Figure, ...]:
    assert {each.found for each in of.values()} == {rows}
    ways = {_BY_KEY: 0.5, _AGAIN: None, _CSV: None}
    engine = "PostgreSQL" if baseline == _COPY else "MariaDB"
    return tuple(_figure(engine, name, of, rows, baseline, wanted) for name, wanted in ways.items() if name in of)


def _figure(
    engine: str, name: str, of: dict[str, Measured], rows: int, baseline: str, wanted: float | None
) -> Figure:
    told = {
        each: f"{rows / of[each].seconds:,.0f} rows/s; {of[each].cpu_seconds:.1f} CPU s" for each in (name, baseline)
    }
    ratio = of[baseline].seconds / of[name].seconds
    target, met = (f"{wanted:g}×", ratio >= wanted) if wanted else ("", None)
    return Figure(f"{engine}: {name}", told[name], baseline, told[baseline], ratio, target, met)


def _note(rows: int) -> str:
    columns = len(table().columns)
    return (
        f"{rows:,} rows of {columns} columns from Parquet into a table with its primary key and an index of change "
        "column and key, both filled as rows come, in one transaction; servers on this machine, without fsync. The "
        "baseline is the engine's bulk load into the same table, empty too, of a file in the engine's own form that "
        "was made beforehand. Over rows that are there, all of them change by key, through a temporary table. CPU is "
        "that of the client; the server's is not counted."
    )


os.environ.setdefault("READER_PASSWORD", "unused")
