"""From a source's settings to its snapshot."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from optimove_pipeline.datasets.sources.source import Snapshot
from optimove_pipeline.settings.sources import (
    AnySource,
    BigQuerySettings,
    DuckDbSettings,
    FilesSettings,
    MySqlSettings,
    PostgresSettings,
    SnowflakeSettings,
)


def open_source(name: str, settings: AnySource, data_dir: Path) -> AbstractContextManager[Snapshot]:
    """Return a snapshot of the source of that name, to be entered; ``Snapshot`` says what is raised.

    The modules of the kinds are imported when one is used: each brings a driver of its own.
    """
    match settings:
        case DuckDbSettings():
            from optimove_pipeline.datasets.sources.duck import open_duckdb

            return open_duckdb(name, settings, data_dir)
        case FilesSettings():
            from optimove_pipeline.datasets.sources.files import open_files

            return open_files(name, settings, data_dir)
        case PostgresSettings():
            from optimove_pipeline.datasets.sources.postgres import open_postgres

            return open_postgres(name, settings)
        case MySqlSettings():
            from optimove_pipeline.datasets.sources.mysql import open_mysql

            return open_mysql(name, settings)
        case SnowflakeSettings():
            from optimove_pipeline.datasets.sources.snowflake import open_snowflake

            return open_snowflake(name, settings)
        case BigQuerySettings():
            from optimove_pipeline.datasets.sources.bigquery import open_bigquery

            return open_bigquery(name, settings)
        case _:
            from optimove_pipeline.datasets.sources.sqlserver import open_sqlserver

            return open_sqlserver(name, settings)
