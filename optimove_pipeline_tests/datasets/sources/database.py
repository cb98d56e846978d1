"""A database that a test writes to while a source reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import BATCH_ROWS, Origin, Selection, Snapshot
from optimove_pipeline.settings.sources import AnySource, MySqlSettings, PostgresSettings

PLAYERS_OF_OLD = Origin(table="old.players")
DATA_DIR = Path("/nowhere")
"""For sources that keep nothing there."""


def postgres_settings(dsn: str) -> PostgresSettings:
    address = urlsplit(dsn)
    assert address.hostname
    assert address.port
    return PostgresSettings(
        kind="postgres",
        host=address.hostname,
        port=address.port,
        database="postgres",
        username="postgres",
        tls="disable",
        timeout_seconds=5,
    )


def mysql_settings(port: int) -> MySqlSettings:
    return MySqlSettings(
        kind="mysql", host="127.0.0.1", port=port, database="crm", username="root", tls="disable", timeout_seconds=5
    )


@dataclass(frozen=True, slots=True)
class Database:
    settings: MySqlSettings | PostgresSettings
    connection: Any

    def empty(self) -> None:
        if isinstance(self.settings, MySqlSettings):
            self.run("DROP DATABASE IF EXISTS crm", "CREATE DATABASE crm", "USE crm", "SET time_zone = '+00:00'")
        else:
            self.run("DROP SCHEMA IF EXISTS crm CASCADE", "CREATE SCHEMA crm", "SET TIME ZONE 'UTC'")

    @property
    def large_height(self) -> int:
        """The rows of a large table: PostgreSQL's come in frames, MariaDB's in fewer rows at a time."""
        return 3 * (40_000 if isinstance(self.settings, MySqlSettings) else BATCH_ROWS + 10)

    def fill(self, table: Origin) -> None:
        """Make a large table of players, whose order by change is not that by id."""
        schema, name, height = str(table.table).partition(".")[0], "repeat('x', 200)", self.large_height
        self.run(f"CREATE SCHEMA {schema}", f"CREATE TABLE {table.table} (id int, name text, changed_at timestamp)")
        if isinstance(self.settings, MySqlSettings):
            changed = "timestamp('2026-11-20') + interval (seq * 7919) % 86400 second"
            self.run(
                f"USE {schema}", f"INSERT INTO {table.table} SELECT seq, {name}, {changed} FROM seq_1_to_{height}"
            )
        else:
            changed = "timestamp '2026-11-20' + make_interval(secs => (i::bigint * 7919) % 86400)"
            self.run(f"INSERT INTO {table.table} SELECT i, {name}, {changed} FROM generate_series(1, {height}) i")

    def run(self, *statements: str) -> None:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def everything(snapshot: Snapshot, origin: Origin, *order: str) -> Selection:
    return Selection(origin=origin, columns=tuple(snapshot.columns(origin)), order=order)


def rows(snapshot: Snapshot, selection: Selection) -> list[dict[str, Any]]:
    return [row for frame in snapshot.read(selection) for row in frame.to_dicts()]


def read_all(settings: AnySource, origin: Origin, *order: str, data_dir: Path = DATA_DIR) -> list[dict[str, Any]]:
    with open_source("shop", settings, data_dir) as snapshot:
        return rows(snapshot, everything(snapshot, origin, *order))


def schema_of(settings: AnySource, origin: Origin, data_dir: Path = DATA_DIR) -> dict[str, pl.DataType]:
    with open_source("shop", settings, data_dir) as snapshot:
        return snapshot.columns(origin)
