"""What both sides set up for a share, in order, with the tenant's own names (reference on delivery, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.snowflake import sharing, statements
from optimove_pipeline.targets.snowflake.names import Names, literal, plain, quoted
from optimove_pipeline.targets.table import Table

_PRIVILEGES = {
    "share": ("MANAGE SHARE TARGET",),
    "listing": ("CREATE LISTING", "MANAGE LISTING AUTO FULFILLMENT"),
    "replication": ("CREATE REPLICATION GROUP",),
}
"""What a role needs on the account besides CREATE DATABASE and CREATE SHARE."""


def steps_of(name: str, settings: SnowflakeShareSettings, tables: Sequence[Table]) -> list[Step]:
    """Return all steps; nothing is connected to."""
    names = Names.of(settings)
    return [
        *_fulfilment(settings),
        _user(settings),
        _accounts_told(name, settings),
        places_step(names),
        tables_step(names, tables),
        views_step(names, tables),
        share_step(names, tables),
        *_passage(name, settings, names),
        _taken(settings),
        _compared(settings, names, tables),
    ]


def places_step(names: Names) -> Step:
    """Return the step of databases and schemas."""
    databases = dict.fromkeys((names.tables_database, names.database))
    made = [*map(statements.create_database, databases), *map(statements.create_schema, (names.tables, names.views))]
    return _program("make the database, a schema of tables, and one of the views that are shared", made)


def tables_step(names: Names, tables: Sequence[Table]) -> Step:
    """Return the step of tables."""
    made = [statements.create_receipts(names), *(statements.create_table(names, table) for table in tables)]
    return _program("make a table for each feed, and one of receipts", made)


def views_step(names: Names, tables: Sequence[Table]) -> Step:
    """Return the step of views; tables that had columns added show more than this tells."""
    made = [
        statements.create_view(names, table, [plain(column.name) for column in table.columns]) for table in tables
    ]
    return _program("make a secure view of each table", made)


def share_step(names: Names, tables: Sequence[Table]) -> Step:
    """Return the step of the share."""
    return _program("make the share, and grant it the views", sharing.share_of(names, tables))


def accounts_step(names: Names, settings: SnowflakeShareSettings) -> Step:
    """Return the step that lets Optimove's accounts in."""
    return _program(
        "let Optimove's accounts read the share", [sharing.add_accounts(names, settings, settings.consumers)]
    )


def listing_step(names: Names, settings: SnowflakeShareSettings) -> Step:
    """Return the step of the listing."""
    return _program(
        "offer the share as a listing, which Snowflake brings to Optimove's region",
        sharing.listing_of(names, settings),
    )


def replication_step(names: Names, settings: SnowflakeShareSettings) -> Step:
    """Return the step of the replication group."""
    return _program(
        "replicate database and share to our account in Optimove's region", [sharing.replication_of(names, settings)]
    )


def _passage(name: str, settings: SnowflakeShareSettings, names: Names) -> list[Step]:
    """Return the steps between the share and Optimove's account."""
    match settings.through:
        case "replication":
            replica = _text(sharing.replica_of(names, settings))
            at = f"in {settings.replica_account}, make the replica, and let Optimove's accounts read its share"
            return [replication_step(names, settings), Step(Who.COMPANY, at, replica)]
        case "listing" if settings.consumers:
            return [listing_step(names, settings)]
        case "share" if settings.consumers:
            return [accounts_step(names, settings)]
        case _:
            return [_missing_consumers(name)]


def _fulfilment(settings: SnowflakeShareSettings) -> list[Step]:
    """Return what must be allowed before a role can be given its privilege."""
    if settings.through != "listing":
        return []
    account = sharing.provider(settings).rpartition(".")[2]
    enabled = _text([f"SELECT SYSTEM$ENABLE_GLOBAL_DATA_SHARING_FOR_ACCOUNT({literal(account)})"])
    return [
        Step(Who.COMPANY, "as ORGADMIN, allow this account to have its listings brought to other regions", enabled)
    ]


def _missing_consumers(name: str) -> Step:
    return Step(
        Who.COMPANY,
        "name the accounts that Optimove told, and run this command again",
        f"targets.{name}.consumers: [{{account: <organisation>.<account>, region: <region>}}]",
    )


def _user(settings: SnowflakeShareSettings) -> Step:
    role, warehouse = quoted(settings.role), quoted(settings.warehouse)
    more = [] if settings.share_restrictions else ["OVERRIDE SHARE RESTRICTIONS"]
    privileges = ["CREATE DATABASE", "CREATE SHARE", *_PRIVILEGES[settings.through], *more]
    made = [
        "USE ROLE ACCOUNTADMIN",
        f"CREATE ROLE IF NOT EXISTS {role}",
        f"CREATE WAREHOUSE IF NOT EXISTS {warehouse} WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 "
        "INITIALLY_SUSPENDED = TRUE",
        f"GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role}",
        *(f"GRANT {privilege} ON ACCOUNT TO ROLE {role}" for privilege in privileges),
        f"CREATE USER IF NOT EXISTS {settings.username} {_credential(settings)} "
        f"DEFAULT_ROLE = {role} DEFAULT_WAREHOUSE = {warehouse}",
        f"GRANT ROLE {role} TO USER {settings.username}",
    ]
    return Step(
        Who.COMPANY, "as ACCOUNTADMIN, make a role that can make shares, its warehouse and its user", _text(made)
    )


def _credential(settings: SnowflakeShareSettings) -> str:
    if settings.password:
        return f"TYPE = LEGACY_SERVICE PASSWORD = '{settings.password}'"
    return f"TYPE = SERVICE RSA_PUBLIC_KEY = '<the public key that belongs to {settings.key_file}>'"


def _accounts_told(name: str, settings: SnowflakeShareSettings) -> Step:
    asked = _text(["SELECT CURRENT_ORGANIZATION_NAME(), CURRENT_ACCOUNT_NAME(), CURRENT_REGION()"])
    return Step(
        Who.OPTIMOVE,
        f"tell the account that will read, with its cloud and region (targets.{name}.consumers); if these are not "
        f"ours ({settings.own_region or 'the same statement tells it'}), set targets.{name}.through to listing or "
        "replication",
        asked,
    )


def _taken(settings: SnowflakeShareSettings) -> Step:
    if settings.through == "listing":
        return Step(
            Who.OPTIMOVE,
            f"take the listing {plain(settings.listing)} under Data Sharing, Shared With You, as a database",
        )
    shared_by = settings.replica_account if settings.through == "replication" else sharing.provider(settings)
    made = [
        f"CREATE DATABASE {quoted(settings.database)} FROM SHARE {shared_by}.{quoted(settings.share)}",
        f"GRANT IMPORTED PRIVILEGES ON DATABASE {quoted(settings.database)} TO ROLE <role>",
    ]
    return Step(Who.OPTIMOVE, "make a database from the share", _text(made))


def _compared(settings: SnowflakeShareSettings, names: Names, tables: Sequence[Table]) -> Step:
    """Return the comparison, with the statements that ``check`` runs as well."""
    simulated = [sharing.simulated(consumer) for consumer in settings.consumers[:1]]
    asked = [*sharing.shown(names).values(), *simulated, *(sharing.compared(names, table) for table in tables)]
    return Step(Who.COMPANY, "after the first delivery, compare rows and newest changes with Optimove", _text(asked))


def _program(title: str, made: Iterable[str]) -> Step:
    return Step(Who.PROGRAM, title, _text(made))


def _text(made: Iterable[str]) -> str:
    return "\n".join(f"{sql};" for sql in made)
