"""Right and wrong values of the settings of a Snowflake share, and what must stand beside them."""

from __future__ import annotations

from typing import Any

_AT = "targets.snowflake"
_CONSUMER = f"{_AT}.consumers.0"
_TEXTS = (
    "account",
    "username",
    "role",
    "warehouse",
    "database",
    "schema_name",
    "tables_schema",
    "tables_database",
    "share",
    "own_region",
    "listing",
    "consumers.0.region",
)
_ACCOUNT = "expected organisation.account with _ for -, or an account locator"

TARGET: dict[str, Any] = {
    "kind": "snowflake",
    "account": "acme-prod",
    "username": "loader",
    "key_file": "/etc/keys/snowflake",
    "role": "FEEDS",
    "warehouse": "SMALL",
    "database": "FEEDS",
}

RIGHT: dict[str, Any] = {
    f"{_AT}.attempts": 3,
    **{f"{_AT}.{name}": "OF_OUR_OWN" for name in _TEXTS},
    f"{_AT}.password": "${SNOWFLAKE_PASSWORD}",
    f"{_AT}.key_file": "/etc/keys/optimove",
    f"{_AT}.passphrase": "${SNOWFLAKE_PASSPHRASE}",
    f"{_AT}.timeout_seconds": 2.5,
    f"{_AT}.statement_seconds": 7200,
    f"{_CONSUMER}.account": "OPTIMOVE.PROD_EU",
    f"{_CONSUMER}.locator": "XY12345",
    f"{_AT}.through": "listing",
    f"{_AT}.replica_account": "ACME.REPLICA",
    f"{_AT}.refresh_minutes": 10,
    f"{_AT}.share_restrictions": False,
    f"{_AT}.endpoint": "https://acme.privatelink.snowflakecomputing.com",
}

WRONG: dict[str, tuple[Any, str]] = {
    f"{_AT}.attempts": (0, "expected at least 1"),
    **{f"{_AT}.{name}": ("", "expected text that is not empty") for name in _TEXTS},
    f"{_AT}.password": (7, "expected text"),
    f"{_AT}.key_file": (7, "expected a path"),
    f"{_AT}.passphrase": (7, "expected text"),
    f"{_AT}.timeout_seconds": (0, "expected more than 0"),
    f"{_AT}.statement_seconds": (0.5, "expected at least 1"),
    f"{_CONSUMER}.account": ("acme-prod", _ACCOUNT),
    f"{_CONSUMER}.locator": ("xy12345.eu-west-1.aws", _ACCOUNT),
    f"{_AT}.through": ("reader", "expected 'share', 'listing' or 'replication'"),
    f"{_AT}.replica_account": ("acme-replica", _ACCOUNT),
    f"{_AT}.refresh_minutes": (11_521, "expected at most 11520"),
    f"{_AT}.share_restrictions": ("no", "expected true or false"),
    f"{_AT}.endpoint": (
        "acme.snowflakecomputing.com",
        "expected an address such as https://acme.privatelink.snowflakecomputing.com",
    ),
}

SECRETS = (f"{_AT}.password", f"{_AT}.passphrase")

COMPANIONS: dict[str, Any] = {
    **{
        key: {name: value for name, value in TARGET.items() if name != key.rpartition(".")[2]}
        for key in RIGHT
        if not key.startswith(_CONSUMER)
    },
    f"{_AT}.password": {name: value for name, value in TARGET.items() if name != "key_file"},
    **{f"{_CONSUMER}.{name}": {"account": "OPTIMOVE.PROD_EU"} for name in ("locator", "region")},
    f"{_CONSUMER}.account": {},
}
