"""What is set up in and around a SQL Server database, as statements and steps with the tenant's names."""

from __future__ import annotations

from collections.abc import Sequence

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
from optimove_pipeline.targets.databases.layout import Place, bare, name_of, quoted, text_of
from optimove_pipeline.targets.kinds.sqlserver import SqlServerTargetSettings
from optimove_pipeline.targets.sqlserver.dialect import DIALECT
from optimove_pipeline.targets.table import Table


def place_of(settings: SqlServerTargetSettings) -> Place:
    """Return where the tables are."""
    return Place(quoted(settings.schema_name), {})


def steps_of(name: str, settings: SqlServerTargetSettings, tables: Sequence[Table]) -> list[Step]:
    """Return what both sides set up, in order."""
    place, empty = place_of(settings), Nothing()
    receipts = missing_receipts(place, DIALECT, empty)
    return [
        addresses_step(name, settings),
        *([Step(Who.COMPANY, *_containment(settings))] if settings.contained else []),
        Step(Who.COMPANY, "as an administrator, make the user that loads", script(_loader(settings))),
        Step(
            Who.COMPANY,
            "let readers and loads not wait for each other; no one else may be connected meanwhile",
            script(_isolation(settings)),
        ),
        schema_step(
            f"the schema {settings.schema_name} and its table of receipts", [*schema_statements(settings), *receipts]
        ),
        *(view_step(table, missing(table, place, DIALECT, empty)) for table in tables),
        reader_step(settings, reader_statements(settings, f"N'{settings.reader_password}'", has=False)),
        rights_step(settings, right_statements(settings, tables)),
        *([Step(Who.COMPANY, *_forced_tls())] if settings.reader_tls else []),
        firewall_step(settings, settings.port),
        handover_step(_where(settings), settings, tables),
        check_step(name),
    ]


def schema_statements(settings: SqlServerTargetSettings) -> list[str]:
    """Return what makes the schema."""
    return [text_of(CreateSchema(quoted(settings.schema_name)), DIALECT)]


def reader_statements(settings: SqlServerTargetSettings, password: str, *, has: bool) -> list[str]:
    """Return what makes the reader, or sets its password anew if the server ``has`` it.

    ``password`` is a literal. A login of the server needs a user of the database besides.
    """
    reader, verb = quote(settings.reader), "ALTER" if has else "CREATE"
    if settings.contained:
        return [f"{verb} USER {reader} WITH PASSWORD = {password}"]
    made = [f"{verb} LOGIN {reader} WITH PASSWORD = {password}"]
    return made if has else [*made, f"CREATE USER {reader} FOR LOGIN {reader}"]


def right_statements(settings: SqlServerTargetSettings, tables: Sequence[Table]) -> list[str]:
    """Return what gives the reader the right to read the views, and takes any other right in the schema."""
    schema, reader = quote(settings.schema_name), quote(settings.reader)
    views = [name_of(bare(table.name, [], place_of(settings)), DIALECT) for table in tables]
    return [
        f"REVOKE SELECT, INSERT, UPDATE, DELETE, EXECUTE ON SCHEMA::{schema} FROM {reader}",
        *(f"GRANT SELECT ON {view} TO {reader}" for view in views),
    ]


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return DIALECT.identifier_preparer.quote_identifier(name)


def _loader(settings: SqlServerTargetSettings) -> list[str]:
    user, password = quote(settings.username), settings.password or "…"
    return [
        f"USE {quote(settings.database)}",
        f"CREATE USER {user} WITH PASSWORD = N'{password}'"
        if settings.contained
        else f"CREATE LOGIN {user} WITH PASSWORD = N'{password}'; CREATE USER {user} FOR LOGIN {user}",
        f"GRANT CREATE SCHEMA, CREATE TABLE, CREATE VIEW, ALTER ANY USER TO {user}",
        *([] if settings.contained else [f"GRANT ALTER ANY LOGIN TO {user}"]),
    ]


def _isolation(settings: SqlServerTargetSettings) -> list[str]:
    database = quote(settings.database)
    return [
        f"ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON",
        f"ALTER DATABASE {database} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
    ]


def _containment(settings: SqlServerTargetSettings) -> tuple[str, str]:
    statements = [
        "EXEC sp_configure 'contained database authentication', 1",
        "RECONFIGURE",
        f"ALTER DATABASE {quote(settings.database)} SET CONTAINMENT = PARTIAL",
    ]
    return "on a server of your own, not Azure SQL: let the database have users of its own", script(statements)


def _forced_tls() -> tuple[str, str]:
    text = "SQL Server Configuration Manager: Protocols, Properties, a certificate, Force Encryption: Yes"
    return "on a server of your own: require TLS of all connections; Azure SQL does", text


def _where(settings: SqlServerTargetSettings) -> dict[str, object]:
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "schema": settings.schema_name,
        "TLS": "required" if settings.reader_tls else "as the server offers it",
        "longest statement": f"{settings.reader_timeout_seconds} s, which Optimove sets on its side",
        "isolation": "SNAPSHOT",
    }
