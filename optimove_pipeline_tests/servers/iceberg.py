"""A private REST catalog of Iceberg tables for tests, and the bucket that they lie in: SeaweedFS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from optimove_pipeline_tests.servers.s3 import ACCESS_KEY, SECRET_KEY, seaweedfs

WAREHOUSE = "s3://warehouse"
CREDENTIAL = f"{ACCESS_KEY}:{SECRET_KEY}"

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RestCatalog:
    """Where the catalog and its storage answer."""

    uri: str
    endpoint: str


@contextmanager
def rest_catalog(folder: Path) -> Iterator[RestCatalog]:
    """The addresses of a server below ``folder`` with an empty catalog; stopped afterwards."""
    with seaweedfs(folder, f"-tableBucket={WAREHOUSE.removeprefix('s3://')}") as ports:
        uri = f"http://127.0.0.1:{ports['s3.port.iceberg']}"
        _wait_until_it_has_the_warehouse(uri)
        yield RestCatalog(uri, f"http://127.0.0.1:{ports['s3.port']}")


def _wait_until_it_has_the_warehouse(uri: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not _has_the_warehouse(uri):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{uri} has no warehouse {WAREHOUSE}")
        time.sleep(0.05)


def _has_the_warehouse(uri: str) -> bool:
    client_id, secret = CREDENTIAL.split(":")
    login = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "scope": "catalog"}
    try:
        token = httpx.post(f"{uri}/v1/oauth/tokens", data=login).raise_for_status().json()["access_token"]
        headers, warehouse = {"Authorization": f"Bearer {token}"}, {"warehouse": WAREHOUSE}
        config = httpx.get(f"{uri}/v1/config", headers=headers, params=warehouse).raise_for_status().json()
        prefix = config.get("overrides", {}).get("prefix") or config.get("defaults", {}).get("prefix") or ""
        path = f"{uri}/v1/{prefix}/namespaces" if prefix else f"{uri}/v1/namespaces"
        httpx.get(path, headers=headers).raise_for_status()
    except httpx.HTTPError:
        return False
    return True
