"""Settings of sources: the company's own databases and files that data sets are read from, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, Tag, model_validator

from optimove_pipeline.settings.branches import BRANCH, by_kind
from optimove_pipeline.settings.packages import FeedName
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.snowflake_login import SnowflakeLogin
from optimove_pipeline.settings.types import Count, Flag, Seconds, Section, Text

Kind = Literal["postgres", "mysql", "sqlserver", "snowflake", "bigquery", "duckdb", "files"]
Port = Annotated[Count, Field(le=65535)]

_CREDENTIALS = {
    "s3": {"region", "access_key", "secret_key"},
    "gs": {"service_account"},
    "az": {"sas", "access_key"},
    "": set[str](),
}
_EVERY_CREDENTIAL = ("region", "access_key", "secret_key", "service_account", "sas")


def _location(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if separator and (scheme not in _CREDENTIALS or not rest.strip("/")):
        raise ValueError("expected a folder, or s3://bucket/…, gs://bucket/… or az://account/container/…")
    if scheme == "az" and separator and "/" not in rest.strip("/"):
        raise ValueError("expected az://account/container, and perhaps a folder after it")
    return text


def _character(text: str) -> str:
    if len(text) != 1 or text in "\r\n":
        raise ValueError("expected one character that is no line break")
    return text


Character = Annotated[str, AfterValidator(_character)]


class SourceSettings(Section):
    """What all sources have."""

    kind: Kind


class DatabaseSettings(SourceSettings):
    """What databases on a server have."""

    host: Text
    database: Text
    username: Text = Field(description="the user's name, or a reference to it")
    password: SecretReference | None = None
    timeout_seconds: Seconds = Field(30, description="wait for a connection")


class PostgresSettings(DatabaseSettings):
    """A PostgreSQL database, or one that speaks its protocol."""

    kind: Literal["postgres"]
    port: Port = 5432
    tls: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "require", description="sslmode; verify-full checks the certificate and the server's name"
    )
    ca_file: Path | None = Field(None, description="file of the certificates that the server's is checked against")


class MySqlSettings(DatabaseSettings):
    """A MySQL or MariaDB database."""

    kind: Literal["mysql"]
    port: Port = 3306
    tls: Literal["disable", "require", "verify-full"] = Field(
        "require", description="verify-full checks the certificate and the server's name"
    )
    ca_file: Path | None = Field(None, description="file of the certificates that the server's is checked against")


class SqlServerSettings(DatabaseSettings):
    """A SQL Server database; it must allow snapshot isolation."""

    kind: Literal["sqlserver"]
    port: Port = 1433
    tls: Literal["disable", "require", "verify-full"] = Field(
        "verify-full", description="verify-full checks the certificate and the server's name"
    )


class SnowflakeSettings(SnowflakeLogin, SourceSettings):
    """A Snowflake database."""

    kind: Literal["snowflake"]
    database: Text
    schema_name: Text = Field("PUBLIC", description="schema of tables that name none")
    warehouse: Text | None = None
    role: Text | None = None


class BigQuerySettings(SourceSettings):
    """BigQuery data of a Google Cloud project."""

    kind: Literal["bigquery"]
    project: Text
    dataset: Text | None = Field(None, description="dataset of tables that name none")
    region: Text | None = Field(None, description="where the data lies, such as EU")
    service_account: SecretReference | None = Field(
        None, description="reference to the JSON of a service account; Google's own chain of credentials if none"
    )


class DuckDbSettings(SourceSettings):
    """A DuckDB file."""

    kind: Literal["duckdb"]
    path: Path = Field(description="a relative one is below the data directory")


class SourceCsv(Section):
    """The dialect of a source's CSV files."""

    delimiter: Character = ","
    quote: Character = Field('"', description="a quote in a quoted value is doubled, or escaped")
    escape: Character = Field('"', description="what stands before a quote in a quoted value")
    header: Flag = Field(default=True, description="the first line has the columns' names; else column0, column1 …")
    null_text: str = Field("", description="NULL, where it is not quoted")
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"


class FilesSettings(SourceSettings):
    """Files in a folder or a bucket; data sets name them by pattern."""

    kind: Literal["files"]
    location: Annotated[Text, AfterValidator(_location)] = Field(
        description="folder, s3://bucket/…, gs://bucket/… or az://account/container/…"
    )
    format: Literal["csv", "ndjson", "parquet"]
    csv: SourceCsv = SourceCsv()
    endpoint: Text | None = Field(None, description="address of a service other than the cloud's own")
    region: Text | None = Field(None, description="S3: the bucket's region")
    access_key: SecretReference | None = Field(None, description="S3: id of a key; Azure: key of the account")
    secret_key: SecretReference | None = Field(None, description="S3: the key itself")
    service_account: SecretReference | None = Field(None, description="GCS: the JSON of a service account")
    sas: SecretReference | None = Field(None, description="Azure: a SAS token")
    timeout_seconds: Seconds = Field(30, description="wait for one answer of the bucket")

    @property
    def scheme(self) -> str:
        """``s3``, ``gs`` or ``az``; empty for a folder of this machine."""
        scheme, separator, _ = self.location.partition("://")
        return scheme if separator else ""

    @model_validator(mode="after")
    def _own_credentials(self) -> Self:
        given = {name for name in _EVERY_CREDENTIAL if getattr(self, name) is not None}
        if surplus := sorted(given - _CREDENTIALS[self.scheme]):
            raise ValueError(f"{', '.join(surplus)} can't be used with {self.location}")
        if self.scheme == "s3" and (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key, or neither")
        return self


AnySource = Annotated[
    Annotated[PostgresSettings, Tag(f"{BRANCH}postgres")]
    | Annotated[MySqlSettings, Tag(f"{BRANCH}mysql")]
    | Annotated[SqlServerSettings, Tag(f"{BRANCH}sqlserver")]
    | Annotated[SnowflakeSettings, Tag(f"{BRANCH}snowflake")]
    | Annotated[BigQuerySettings, Tag(f"{BRANCH}bigquery")]
    | Annotated[DuckDbSettings, Tag(f"{BRANCH}duckdb")]
    | Annotated[FilesSettings, Tag(f"{BRANCH}files")],
    by_kind(get_args(Kind), "source"),
]
Sources = dict[FeedName, AnySource]
