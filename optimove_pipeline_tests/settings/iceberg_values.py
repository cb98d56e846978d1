"""Right and wrong values of the settings of an Iceberg target, and what must stand beside them."""

from __future__ import annotations

from typing import Any

_SECRETS = ("credential", "token", "access_key", "secret_key", "storage_key", "sas")
_TEXTS = ("uri", "token_url", "scope", "region", "endpoint", "storage_account")
_PAIRS = {"access_key": "secret_key", "secret_key": "access_key"}

RIGHT: dict[str, Any] = {
    "targets.iceberg.attempts": 3,
    "targets.iceberg.catalog": "polaris",
    "targets.iceberg.uri": "${CATALOG_URI}",
    "targets.iceberg.warehouse": "s3://acme-lake/optimove",
    "targets.iceberg.namespace": "to_optimove",
    "targets.iceberg.snapshot_days": 1,
    "targets.iceberg.token_url": "https://login.example.com/token",
    "targets.iceberg.scope": "PRINCIPAL_ROLE:pipeline",
    "targets.iceberg.region": "eu-west-1",
    "targets.iceberg.endpoint": "https://objects.example.com",
    "targets.iceberg.storage_account": "acme",
    **{f"targets.iceberg.{name}": "${ICEBERG_SECRET}" for name in _SECRETS},
}

WRONG: dict[str, tuple[Any, str]] = {
    "targets.iceberg.attempts": (0, "expected at least 1"),
    "targets.iceberg.catalog": ("hive", "expected 'sql', 'rest', 'glue', 'polaris' or 'unity'"),
    "targets.iceberg.warehouse": (
        "ftp://acme",
        "expected a folder, s3://…, gs://…, abfss://… or the name of a warehouse",
    ),
    "targets.iceberg.namespace": ("a.b", "expected one level of small letters, digits and underscores"),
    "targets.iceberg.snapshot_days": (0, "expected at least 1"),
    **{f"targets.iceberg.{name}": ("", "expected text that is not empty") for name in _TEXTS},
    **{f"targets.iceberg.{name}": (7, "expected text") for name in _SECRETS},
}

SECRETS = tuple(f"targets.iceberg.{name}" for name in _SECRETS)

COMPANIONS: dict[str, Any] = {
    **{key: {"kind": "iceberg"} for key in RIGHT},
    "targets.iceberg.catalog": {"kind": "iceberg", "uri": "https://catalog.example.com"},
    **{f"targets.iceberg.{key}": {"kind": "iceberg", other: "${OTHER}"} for key, other in _PAIRS.items()},
}
