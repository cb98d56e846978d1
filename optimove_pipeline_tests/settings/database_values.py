"""Right and wrong values of the settings of PostgreSQL and MySQL as targets, and what must stand beside them."""

from __future__ import annotations

from typing import Any

_KINDS = ("postgres", "mysql")
_WHOLE: dict[str, Any] = {
    "host": "db.example.com",
    "database": "crm",
    "username": "loader",
    "reader_password": "${READER_PASSWORD}",
    "reader_hosts": ["198.51.100.7"],
}
_TLS = {
    "postgres": "'disable', 'prefer', 'require' or 'verify-full'",
    "mysql": "'disable', 'require' or 'verify-full'",
}

RIGHT: dict[str, Any] = {
    **{f"targets.{kind}.attempts": 3 for kind in _KINDS},
    **{f"targets.{kind}.host": "db.example.com" for kind in _KINDS},
    **{f"targets.{kind}.port": 65_535 for kind in _KINDS},
    **{f"targets.{kind}.database": "crm" for kind in _KINDS},
    **{f"targets.{kind}.username": "${DB_USER}" for kind in _KINDS},
    **{f"targets.{kind}.password": "${DB_PASSWORD}" for kind in _KINDS},
    **{f"targets.{kind}.tls": "verify-full" for kind in _KINDS},
    **{f"targets.{kind}.ca_file": "/etc/ssl/db.pem" for kind in _KINDS},
    **{f"targets.{kind}.timeout_seconds": 2.5 for kind in _KINDS},
    **{f"targets.{kind}.reader": "optimove" for kind in _KINDS},
    **{f"targets.{kind}.reader_password": "${READER_PASSWORD}" for kind in _KINDS},
    **{f"targets.{kind}.reader_hosts": ["198.51.100.0/24", "2001:db8::1"] for kind in _KINDS},
    **{f"targets.{kind}.reader_tls": False for kind in _KINDS},
    **{f"targets.{kind}.reader_timeout_seconds": 60 for kind in _KINDS},
    "targets.postgres.schema_name": "to_optimove",
}

WRONG: dict[str, tuple[Any, str]] = {
    **{f"targets.{kind}.attempts": (0, "expected at least 1") for kind in _KINDS},
    **{f"targets.{kind}.host": ("", "expected text that is not empty") for kind in _KINDS},
    **{f"targets.{kind}.port": (65_536, "expected at most 65535") for kind in _KINDS},
    **{f"targets.{kind}.database": ("", "expected text that is not empty") for kind in _KINDS},
    **{f"targets.{kind}.username": ("", "expected text that is not empty") for kind in _KINDS},
    **{f"targets.{kind}.password": (7, "expected text") for kind in _KINDS},
    **{f"targets.{kind}.tls": ("on", f"expected {_TLS[kind]}") for kind in _KINDS},
    **{f"targets.{kind}.ca_file": (7, "expected a path") for kind in _KINDS},
    **{f"targets.{kind}.timeout_seconds": (0, "expected more than 0") for kind in _KINDS},
    **{f"targets.{kind}.reader": ("", "expected text that is not empty") for kind in _KINDS},
    **{f"targets.{kind}.reader_password": (7, "expected text") for kind in _KINDS},
    **{f"targets.{kind}.reader_hosts": ([], "expected at least 1 item") for kind in _KINDS},
    **{f"targets.{kind}.reader_tls": ("yes", "expected true or false") for kind in _KINDS},
    **{f"targets.{kind}.reader_timeout_seconds": (0, "expected at least 1") for kind in _KINDS},
    "targets.postgres.schema_name": ("", "expected text that is not empty"),
}

SECRETS = tuple(f"targets.{kind}.{name}" for kind in _KINDS for name in ("password", "reader_password"))


def _beside(kind: str, key: str) -> dict[str, Any]:
    return {"kind": kind, **{name: value for name, value in _WHOLE.items() if name != key}}


COMPANIONS: dict[str, Any] = {key: _beside(*key.split(".")[1:]) for key in RIGHT}
