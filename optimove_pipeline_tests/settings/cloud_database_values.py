"""Right and wrong values of the settings of SQL Server and BigQuery as targets, and what must stand beside them."""

from __future__ import annotations

from typing import Any

_WHOLE: dict[str, dict[str, Any]] = {
    "sqlserver": {
        "kind": "sqlserver",
        "host": "db.example.com",
        "database": "crm",
        "username": "loader",
        "reader_password": "${READER_PASSWORD}",
        "reader_hosts": ["198.51.100.7"],
    },
    "bigquery": {
        "kind": "bigquery",
        "project": "acme",
        "region": "EU",
        "reader": "optimove@acme.iam.gserviceaccount.com",
    },
}
_SECRETS = {"sqlserver": ("password", "reader_password"), "bigquery": ("service_account", "reader_account")}

RIGHT: dict[str, Any] = {
    "targets.sqlserver.attempts": 3,
    "targets.sqlserver.host": "db.example.com",
    "targets.sqlserver.port": 65_535,
    "targets.sqlserver.database": "crm",
    "targets.sqlserver.schema_name": "to_optimove",
    "targets.sqlserver.username": "${DB_USER}",
    "targets.sqlserver.tls": "require",
    "targets.sqlserver.timeout_seconds": 2.5,
    "targets.sqlserver.reader": "optimove",
    "targets.sqlserver.reader_hosts": ["198.51.100.0/24", "2001:db8::1"],
    "targets.sqlserver.reader_tls": False,
    "targets.sqlserver.reader_timeout_seconds": 60,
    "targets.sqlserver.contained": False,
    "targets.bigquery.attempts": 3,
    "targets.bigquery.project": "acme",
    "targets.bigquery.dataset": "to_optimove",
    "targets.bigquery.region": "europe-west1",
    "targets.bigquery.reader": "optimove@acme.iam.gserviceaccount.com",
    "targets.bigquery.endpoint": "https://bigquery.example.com",
    "targets.bigquery.timeout_seconds": 2.5,
    **{f"targets.{kind}.{name}": "${SECRET}" for kind, names in _SECRETS.items() for name in names},
}

WRONG: dict[str, tuple[Any, str]] = {
    "targets.sqlserver.attempts": (0, "expected at least 1"),
    "targets.sqlserver.host": ("", "expected text that is not empty"),
    "targets.sqlserver.port": (65_536, "expected at most 65535"),
    "targets.sqlserver.database": ("", "expected text that is not empty"),
    "targets.sqlserver.schema_name": ("", "expected text that is not empty"),
    "targets.sqlserver.username": ("", "expected text that is not empty"),
    "targets.sqlserver.tls": ("prefer", "expected 'disable', 'require' or 'verify-full'"),
    "targets.sqlserver.timeout_seconds": (0, "expected more than 0"),
    "targets.sqlserver.reader": ("", "expected text that is not empty"),
    "targets.sqlserver.reader_hosts": ([], "expected at least 1 item"),
    "targets.sqlserver.reader_tls": ("yes", "expected true or false"),
    "targets.sqlserver.reader_timeout_seconds": (0, "expected at least 1"),
    "targets.sqlserver.contained": ("yes", "expected true or false"),
    "targets.bigquery.attempts": (0, "expected at least 1"),
    "targets.bigquery.project": ("", "expected text that is not empty"),
    "targets.bigquery.dataset": (
        "to-optimove",
        "expected letters, digits and underscores, 100 at most, that begin with a letter",
    ),
    "targets.bigquery.region": ("", "expected text that is not empty"),
    "targets.bigquery.reader": (
        "optimove",
        "expected the e-mail address of an account, such as optimove@acme.iam.gserviceaccount.com",
    ),
    "targets.bigquery.endpoint": ("", "expected text that is not empty"),
    "targets.bigquery.timeout_seconds": (0, "expected more than 0"),
    **{f"targets.{kind}.{name}": (7, "expected text") for kind, names in _SECRETS.items() for name in names},
}

SECRETS = tuple(f"targets.{kind}.{name}" for kind, names in _SECRETS.items() for name in names)


def _beside(kind: str, key: str) -> dict[str, Any]:
    return {name: value for name, value in _WHOLE[kind].items() if name != key}


COMPANIONS: dict[str, Any] = {key: _beside(*key.split(".")[1:]) for key in RIGHT}
