"""Catalogs by settings, as properties of pyiceberg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pyiceberg.catalog import Catalog, load_catalog

from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.targets.iceberg.failures import told
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings

NAME = "optimove"
"""The catalog's own name; an SQL catalog keeps its tables under it."""

_PATHS = {"polaris": "/api/catalog", "unity": "/api/2.1/unity-catalog/iceberg-rest"}
_SNOWFLAKE, _SNOWFLAKE_PATH = ".snowflakecomputing.com", "/polaris/api/catalog"
"""Snowflake's hosted Polaris, Open Catalog, has a path of its own."""
_SCOPES = {"polaris": "PRINCIPAL_ROLE:ALL", "unity": "all-apis"}
_TOKENS, _DATABRICKS_TOKENS = "/v1/oauth/tokens", "/oidc/v1/token"
_CONNECT_SECONDS, _REQUEST_SECONDS = "10", "60"

Properties = dict[str, str]


@contextmanager
def opened(settings: IcebergSettings, name: str, data_dir: Path) -> Iterator[Catalog]:
    """Yield the catalog, to be used within; what fails meanwhile is told in our words.

    Raises:
        SettingsError: a secret is missing.
        TargetError: it can't be reached or refuses something.
    """
    properties = properties_of(settings, name, data_dir)
    with told(f"target {name} ({place(settings)})", _secrets(settings)):
        catalog = load_catalog(NAME, **properties)
        try:
            yield catalog
        finally:
            catalog.close()


def place(settings: IcebergSettings) -> str:
    """Return the catalog, warehouse and namespace for people; a reference stays one."""
    where = f"{settings.uri} " if settings.uri else ""
    return f"{settings.catalog} catalog {where}{settings.warehouse}, namespace {settings.namespace}"


def properties_of(settings: IcebergSettings, name: str, data_dir: Path) -> Properties:
    """Return what pyiceberg's ``load_catalog`` is given, secrets among it.

    Raises:
        SettingsError: a secret is missing.
    """
    kind = {"sql": _sql, "glue": _glue}.get(settings.catalog, _rest)
    storage = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO", **_s3(settings), **_azure(settings)}
    return storage | kind(settings, name, data_dir)


def catalog_address(settings: IcebergSettings) -> str:
    """Return where a REST catalog answers; one without a path has the usual path of its kind."""
    uri = expand(settings.uri or "").rstrip("/")
    parts = urlsplit(uri)
    if parts.path:
        return uri
    if settings.catalog == "polaris" and (parts.hostname or "").endswith(_SNOWFLAKE):
        return f"{uri}{_SNOWFLAKE_PATH}"
    return f"{uri}{_PATHS.get(settings.catalog, '')}"


def _sql(settings: IcebergSettings, name: str, data_dir: Path) -> Properties:
    own = data_dir / "state" / f"iceberg-{name}.sqlite"
    own.parent.mkdir(parents=True, exist_ok=True)
    uri = reveal(settings.uri) if settings.uri else f"sqlite:///{own.resolve()}"
    return {"type": "sql", "uri": uri, "warehouse": warehouse_of(settings, data_dir)}


def warehouse_of(settings: IcebergSettings, data_dir: Path) -> str:
    """Return where an SQL catalog's tables lie; a relative folder is below the data directory."""
    if "://" in settings.warehouse:
        return settings.warehouse
    return f"file://{(data_dir / settings.warehouse).resolve()}"


def _glue(settings: IcebergSettings, name: str, data_dir: Path) -> Properties:
    found = {"type": "glue", "warehouse": settings.warehouse, "glue.region": settings.region}
    if settings.access_key and settings.secret_key:
        found["glue.access-key-id"] = reveal(settings.access_key)
        found["glue.secret-access-key"] = reveal(settings.secret_key)
    return found


def _rest(settings: IcebergSettings, name: str, data_dir: Path) -> Properties:
    address = catalog_address(settings)
    found = {"type": "rest", "uri": address, "warehouse": settings.warehouse}
    scope = settings.scope or _SCOPES.get(settings.catalog)
    if scope:
        found["scope"] = scope
    if settings.credential:
        found |= {"credential": reveal(settings.credential), "oauth2-server-uri": _token_url(settings, address)}
    if settings.token:
        found["token"] = reveal(settings.token)
    return found


def _token_url(settings: IcebergSettings, address: str) -> str:
    """Return where a credential is exchanged; if the settings do not say, Databricks' place or the catalog itself."""
    if settings.token_url:
        return settings.token_url
    parts = urlsplit(address)
    own = f"{parts.scheme}://{parts.netloc}{_DATABRICKS_TOKENS}"
    return own if settings.catalog == "unity" else f"{address}{_TOKENS}"


def _s3(settings: IcebergSettings) -> Properties:
    found = {
        "s3.region": settings.region,
        "s3.connect-timeout": _CONNECT_SECONDS,
        "s3.request-timeout": _REQUEST_SECONDS,
    }
    if settings.endpoint:
        found["s3.endpoint"] = settings.endpoint
    if settings.access_key and settings.secret_key:
        found |= {
            "s3.access-key-id": reveal(settings.access_key),
            "s3.secret-access-key": reveal(settings.secret_key),
        }
    return found


def _azure(settings: IcebergSettings) -> Properties:
    named = {"adls.account-name": settings.storage_account}
    secret = {"adls.account-key": settings.storage_key, "adls.sas-token": settings.sas}
    found = {key: value for key, value in named.items() if value}
    return found | {key: reveal(reference) for key, reference in secret.items() if reference}


def _secrets(settings: IcebergSettings) -> list[str]:
    """Return the values that no message may hold."""
    references = [
        settings.credential,
        settings.token,
        settings.access_key,
        settings.secret_key,
        settings.storage_key,
        settings.sas,
        settings.uri if settings.catalog == "sql" else None,
    ]
    found = [reveal(reference) for reference in references if reference]
    found += [password for value in found if (password := urlsplit(value).password)]
    return [*found, *(part for value in found for part in value.split(":") if len(part) > 3)]
