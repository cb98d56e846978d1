"""The statements that share the views: share, grants in their order, accounts, listing, replication group."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from optimove_pipeline.targets.kinds.snowflake import Consumer, SnowflakeShareSettings
from optimove_pipeline.targets.snowflake.names import Names, literal, plain, quoted
from optimove_pipeline.targets.table import Table


def share_of(names: Names, tables: Sequence[Table]) -> list[str]:
    """Return what makes the share and grants it the views; each grant needs those before it.

    A view of tables in another database needs REFERENCE_USAGE of that (reference on delivery, section 3.1).
    """
    to = f"TO SHARE {names.share}"
    elsewhere = plain(names.tables_database) != plain(names.database)
    reference = [f"GRANT REFERENCE_USAGE ON DATABASE {quoted(names.tables_database)} {to}"] if elsewhere else []
    return [
        f"CREATE SHARE IF NOT EXISTS {names.share}",
        f"GRANT USAGE ON DATABASE {quoted(names.database)} {to}",
        f"GRANT USAGE ON SCHEMA {names.views} {to}",
        *reference,
        *(f"GRANT SELECT ON VIEW {names.view(table.name)} {to}" for table in tables),
    ]


def add_accounts(names: Names, settings: SnowflakeShareSettings, consumers: Iterable[Consumer]) -> str:
    """Return what lets accounts read the share."""
    accounts = ", ".join(consumer.account for consumer in consumers)
    override = "" if settings.share_restrictions else " SHARE_RESTRICTIONS = FALSE"
    return f"ALTER SHARE {names.share} ADD ACCOUNTS = {accounts}{override}"


def listing_of(names: Names, settings: SnowflakeShareSettings) -> list[str]:
    """Return what makes a listing of the share for these accounts alone, and brings one that is there up to date."""
    listing, manifest = quoted(settings.listing), f"$$\n{_manifest(settings)}$$"
    return [
        f"CREATE EXTERNAL LISTING IF NOT EXISTS {listing} SHARE {names.share} AS\n{manifest}\n"
        "PUBLISH = TRUE REVIEW = FALSE",
        f"ALTER LISTING {listing} AS\n{manifest}",
    ]


def replication_of(names: Names, settings: SnowflakeShareSettings) -> str:
    """Return what replicates database and share to an account of ours in Optimove's region."""
    databases = ", ".join(dict.fromkeys(map(quoted, (names.database, names.tables_database))))
    return (
        f"CREATE REPLICATION GROUP IF NOT EXISTS {quoted(settings.listing)}\n"
        f"  OBJECT_TYPES = DATABASES, SHARES\n  ALLOWED_DATABASES = {databases}\n  ALLOWED_SHARES = {names.share}\n"
        f"  ALLOWED_ACCOUNTS = {settings.replica_account}\n"
        f"  REPLICATION_SCHEDULE = '{settings.refresh_minutes} MINUTE'"
    )


def replica_of(names: Names, settings: SnowflakeShareSettings) -> list[str]:
    """Return what is run in that account of ours: the replica of the group, and the accounts of the share."""
    group = quoted(settings.listing)
    source = f"{provider(settings)}.{group}"
    accounts = [add_accounts(names, settings, settings.consumers)] if settings.consumers else []
    return [
        f"CREATE REPLICATION GROUP IF NOT EXISTS {group} AS REPLICA OF {source}",
        f"ALTER REPLICATION GROUP {group} REFRESH",
        *accounts,
    ]


def provider(settings: SnowflakeShareSettings) -> str:
    """Return this account as ``organisation.account``; a placeholder where the settings have its locator."""
    organisation, separator, account = settings.account.partition("-")
    if not separator or "." in settings.account:
        return "<organisation>.<account>"
    return plain(f"{organisation}.{account}".replace("-", "_"))


def shown(names: Names) -> dict[str, str]:
    """Return what tells of a share: its grants, its accounts, its content."""
    return {
        "grants": f"SHOW GRANTS TO SHARE {names.share}",
        "accounts": f"SHOW GRANTS OF SHARE {names.share}",
        "content": f"DESC SHARE {names.share}",
    }


def simulated(consumer: Consumer) -> str:
    """Return what lets secure views of this session answer as they would to an account."""
    account = consumer.locator or consumer.account.rpartition(".")[2]
    return f"ALTER SESSION SET SIMULATED_DATA_SHARING_CONSUMER = {literal(account)}"


def compared(names: Names, table: Table) -> str:
    """Return what is to be the same at Optimove: rows, and the newest change."""
    newest = f", MAX({quoted(table.changed)}) AS {quoted('NEWEST')}" if table.changed else ""
    return f"SELECT COUNT(*) AS {quoted('ROWS')}{newest} FROM {names.view(table.name)}"  # noqa: S608 - quoted


def _manifest(settings: SnowflakeShareSettings) -> str:
    """Return a listing's manifest, YAML; JSON's texts and lists are YAML as well."""
    accounts = json.dumps([consumer.account for consumer in settings.consumers])
    return (
        f"title: {json.dumps(settings.listing)}\n"
        'description: "Data sets and reports for Optimove."\n'
        'listing_terms:\n  type: "OFFLINE"\n'
        f"targets:\n  accounts: {accounts}\n"
        "auto_fulfillment:\n  refresh_type: SUB_DATABASE\n"
        f"  refresh_schedule: '{settings.refresh_minutes} MINUTE'\n"
    )
