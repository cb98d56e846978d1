"""A database that a test writes to while a source reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import Origin, Selection, Snapshot
from optimove_pipeline.settings.sources import AnySource, MySqlSettings, PostgresSettings

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
