"""What is set up in and around a PostgreSQL database, as statements and steps with the tenant's names."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateSchema

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.databases.access import (
    addresses_step,
    check_step,
    firewall_step,
    handover_step,
    reader_step,
    rights_step,
    schema_step,
    script,
    view_step,
)
from optimove_pipeline.targets.databases.definition import Nothing, missing, missing_receipts
from optimove_pipeline.targets.databases.layout import Place, bare, name_of, text_of
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline.targets.table import Table

DIALECT: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call] # so the library has it


def place_of(settings: PostgresTargetSettings) -> Place:
    """Return where the tables are."""
    return Place(settings.schema_name, {})


def steps_of(name: str, settings: PostgresTargetSettings, tables: Sequence[Table]) -> list[Step]:
    """Return what both sides set up, in order."""
    place, empty = place_of(settings), Nothing()
    receipts = missing_receipts(place, DIALECT, empty)
    return [
        addresses_step(name, settings),
        Step(Who.COMPANY, "as an administrator of the database, make the user that loads", script(_loader(settings))),
        schema_step(
            f"the schema {settings.schema_name} and its table of receipts", [*schema_statements(settings), *receipts]
        ),
        *(view_step(table, missing(table, place, DIALECT, empty)) for table in tables),
        reader_step(settings, [create_reader(settings), *reader_statements(settings, _shown(settings))]),
        rights_step(settings, right_statements(settings, tables)),
        Step(
            Who.COMPANY,
            "limit the user to its addresses: before all other lines of pg_hba.conf, then SELECT pg_reload_conf()",
            "\n".join(_host_rules(settings)),
        ),
        Step(
            Who.COMPANY,
            "if nobody else of this database needs them, take from all users what PostgreSQL gives them",
            script(_public(settings)),
        ),
        firewall_step(settings, settings.port),
        handover_step(_where(settings), settings, tables),
        check_step(name),
    ]


def schema_statements(settings: PostgresTargetSettings) -> list[str]:
    """Return what makes the schema."""
    return [text_of(CreateSchema(settings.schema_name), DIALECT)]


def create_reader(settings: PostgresTargetSettings) -> str:
    """Return what makes the reader, which may log in and has no right yet."""
    return f"CREATE ROLE {quote(settings.reader)} LOGIN"


def reader_statements(settings: PostgresTargetSettings, password: str) -> list[str]:
    """Return what sets the reader's password and ways; ``password`` is a literal, such as that of its verifier."""
    reader = quote(settings.reader)
    return [
        f"ALTER ROLE {reader} PASSWORD {password}",
        f"ALTER ROLE {reader} SET default_transaction_read_only = on",
        f"ALTER ROLE {reader} SET statement_timeout = {literal(f'{settings.reader_timeout_seconds}s')}",
        f"ALTER ROLE {reader} SET search_path = {quote(settings.schema_name)}",
    ]


def right_statements(settings: PostgresTargetSettings, tables: Sequence[Table]) -> list[str]:
    """Return what gives the reader the right to read the views, and takes any other right in the schema."""
    schema, reader = quote(settings.schema_name), quote(settings.reader)
    views = ", ".join(name_of(bare(table.name, [], place_of(settings)), DIALECT) for table in tables)
    return [
        f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {reader}",
        f"GRANT CONNECT ON DATABASE {quote(settings.database)} TO {reader}",
        f"GRANT USAGE ON SCHEMA {schema} TO {reader}",
        f"GRANT SELECT ON {views} TO {reader}",
    ]


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return DIALECT.identifier_preparer.quote(name)


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return text_of(sa.literal(text, sa.String()), DIALECT)


def _shown(settings: PostgresTargetSettings) -> str:
    return f"'{settings.reader_password}'"


def _loader(settings: PostgresTargetSettings) -> list[str]:
    user = quote(settings.username)
    return [
        f"CREATE ROLE {user} LOGIN CREATEROLE PASSWORD '{settings.password or '…'}'",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quote(settings.database)} TO {user}",
    ]


def _host_rules(settings: PostgresTargetSettings) -> list[str]:
    kind = "hostssl" if settings.reader_tls else "host"
    who = f"{quote(settings.database)} {quote(settings.reader)}"
    allowed = [f"{kind} {who} {network} scram-sha-256" for network in settings.reader_networks]
    return [*allowed, f"host all {quote(settings.reader)} all reject"]


def _public(settings: PostgresTargetSettings) -> list[str]:
    return [
        f"REVOKE TEMPORARY ON DATABASE {quote(settings.database)} FROM PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ]


def _where(settings: PostgresTargetSettings) -> dict[str, object]:
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "schema": settings.schema_name,
        "TLS": "required" if settings.reader_tls else "as the server offers it",
        **({"certificates": f"those of {settings.ca_file.name}"} if settings.ca_file else {}),
    }
