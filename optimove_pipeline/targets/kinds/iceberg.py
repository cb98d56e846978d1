"""Tables of Apache Iceberg, in a catalog that the receiver reads too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.types import Count, Text

if TYPE_CHECKING:
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.iceberg.target import IcebergTarget
    from optimove_pipeline.targets.table import Table

_PLACES = ("", "file", "s3", "gs", "abfss")
_OVER_HTTP = ("rest", "polaris", "unity")


def _known_place(text: str) -> str:
    scheme, found, _ = text.partition("://")
    if found and scheme not in _PLACES:
        raise ValueError("expected a folder, s3://…, gs://…, abfss://… or the name of a warehouse")
    return text


def _level(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", text):
        raise ValueError("expected one level of small letters, digits and underscores")
    return text


class IcebergSettings(TableTargetSettings):
    """A catalog of Iceberg tables, and where their files lie."""

    kind: Literal["iceberg"]
    catalog: Literal["sql", "rest", "glue", "polaris", "unity"] = Field("sql", description="kind of the catalog")
    uri: Text | None = Field(None, description="address of the catalog; a reference for an SQL catalog of your own")
    warehouse: Annotated[Text, AfterValidator(_known_place)] = Field(
        "iceberg", description="where tables lie, or the name by which the catalog knows that"
    )
    namespace: Annotated[Text, AfterValidator(_level)] = "optimove"
    snapshot_days: Count = Field(14, description="days for which replaced rows stay readable as older snapshots")
    credential: SecretReference | None = Field(None, description="reference to client id and secret, id:secret")
    token: SecretReference | None = Field(None, description="reference to a bearer token, such as a Databricks PAT")
    token_url: Text | None = Field(None, description="where a credential is exchanged for a token")
    scope: Text | None = Field(None, description="OAuth2 scope")
    region: Text = "us-east-1"
    endpoint: Text | None = Field(None, description="address of a service other than Amazon's own that speaks S3")
    access_key: SecretReference | None = Field(None, description="reference; AWS's own chain of credentials if none")
    secret_key: SecretReference | None = None
    storage_account: Text | None = Field(None, description="Azure storage account of an abfss:// warehouse")
    storage_key: SecretReference | None = Field(None, description="reference to a key of the storage account")
    sas: SecretReference | None = Field(None, description="reference to a SAS token")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.catalog in _OVER_HTTP and not (self.uri and urlsplit(self.uri).scheme in ("http", "https")):
            raise ValueError("uri: expected the catalog's address, such as https://catalog.example.com")
        if self.catalog == "sql" and self.uri is not None and not self.uri.startswith("${"):
            raise ValueError("uri: expected a reference such as ${CATALOG_URI}, as such addresses hold a password")
        if self.catalog == "glue" and not (self.uri is None and self.warehouse.startswith("s3://")):
            raise ValueError("expected a warehouse such as s3://bucket/folder and no uri")
        return self

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key, or neither")
        if self.credential and self.token:
            raise ValueError("give credential or token, not both")
        if self.sas and self.storage_key:
            raise ValueError("give sas or storage_key, not both")
        return self

    def open(self, name: str, data_dir: Path) -> IcebergTarget:
        """Return the catalog as a target.

        Raises:
            SettingsError: pyiceberg is not installed.
        """
        _check_installed(name)
        from optimove_pipeline.targets.iceberg.target import IcebergTarget

        return IcebergTarget(name, self, data_dir)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return how the tables come to be, and how Optimove reads them (reference on delivery, section 3.2).

        Raises:
            SettingsError: pyiceberg is not installed.
        """
        _check_installed(name)
        from optimove_pipeline.targets.iceberg.steps import steps_of

        return steps_of(self, tables)


def _check_installed(name: str) -> None:
    from optimove_pipeline.datasets.sources.drivers import driver

    for module in ("pyiceberg", "pyarrow"):
        driver(module, "iceberg", f"targets.{name}")


SETTINGS = IcebergSettings
