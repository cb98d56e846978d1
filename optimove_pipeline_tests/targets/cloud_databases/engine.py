"""A stub of SQL Server and an emulator of BigQuery as the tests see them: a target, and a look past it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.kinds.sqlserver import SqlServerTargetSettings
from optimove_pipeline.targets.table import TableTarget
from optimove_pipeline_tests.servers.bigquery import PROJECT, READER, BigQuery
from optimove_pipeline_tests.servers.sqlserver import LOADER, SqlServer

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

Values = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A server, and the settings that lead there."""

    settings: SqlServerTargetSettings | BigQueryTargetSettings
    server: SqlServer | BigQuery
    data_dir: Path

    @property
    def target(self) -> TableTarget:
        """The server as a target."""
        return self.settings.open("crm", self.data_dir)

    def with_settings(self, **changed: Any) -> Engine:
        """Return the same server under other settings."""
        return replace(self, settings=self.settings.model_copy(update=changed))

    def seen(self, view: str) -> Values:
        """Return the rows of a view, in order."""
        return self.rows(f"SELECT * FROM {self._views}.{self._quoted(view)} ORDER BY 1, 2")

    def receipts(self) -> Values:
        """Return the receipts: feed, partition, source and rows."""
        names = "feed, partition_key, source, row_count"
        return self.rows(f"SELECT {names} FROM {self._tables}.{self._quoted('_receipts')} ORDER BY 1, 2")

    def rows(self, query: str) -> Values:
        """Return what a query of the server's own tells."""
        if isinstance(self.server, SqlServer):
            return self.server.rows(query)
        with anonymous(self.server) as client:
            return [tuple(row.values()) for row in client.query(query).result()]

    @property
    def _views(self) -> str:
        own = self.settings
        return own.schema_name if isinstance(own, SqlServerTargetSettings) else own.dataset

    @property
    def _tables(self) -> str:
        own = self.settings
        return own.schema_name if isinstance(own, SqlServerTargetSettings) else own.tables_dataset

    def _quoted(self, name: str) -> str:
        mark = '"' if isinstance(self.server, SqlServer) else "`"
        return f"{mark}{name}{mark}"


def anonymous(server: BigQuery) -> Client:
    """Return a client that goes past the front."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    address = {"api_endpoint": f"http://127.0.0.1:{server.emulator}"}
    return Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=address)  # type: ignore[no-untyped-call] # so the library has it


def sqlserver_settings(port: int, **more: Any) -> SqlServerTargetSettings:
    """Return the settings of a SQL Server on the loopback."""
    known: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "database": "crm",
        "username": LOADER,
        "password": "${LOADER_PASSWORD}",
        "reader_password": "${READER_PASSWORD}",
        "reader_hosts": ("127.0.0.1",),
        "tls": "disable",
        "timeout_seconds": 5,
        "attempts": 2,
    }
    return SqlServerTargetSettings(kind="sqlserver", **(known | more))


def bigquery_settings(address: str, **more: Any) -> BigQueryTargetSettings:
    """Return the settings of a BigQuery on the loopback."""
    known: dict[str, Any] = {
        "project": PROJECT,
        "region": "EU",
        "reader": READER,
        "service_account": "${LOADER_ACCOUNT}",
        "reader_account": "${READER_ACCOUNT}",
        "endpoint": address,
        "timeout_seconds": 5,
        "attempts": 2,
    }
    return BigQueryTargetSettings(kind="bigquery", **(known | more))
