"""What is set up in and around a MySQL or MariaDB database, as statements and steps with the tenant's names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import Dialect

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
from optimove_pipeline.targets.databases.layout import Place, text_of
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.table import Table

DIALECT: Dialect = mysql.dialect(paramstyle="named")
_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW, SHOW VIEW, CREATE TEMPORARY TABLES"
)


def place_of(*, mariadb: bool) -> Place:
    """Return how tables are made: text is compared to the byte, blanks at its end too, so no two keys are one."""
    collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    return Place(None, {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation})


def steps_of(name: str, settings: MySqlTargetSettings, tables: Sequence[Table]) -> list[Step]:
    """Return what both sides set up, in order; statements are those of MySQL, ``connect`` adapts them to MariaDB."""
    place, empty = place_of(mariadb=False), Nothing()
    password = f"'{settings.reader_password}'"
    return [
        addresses_step(name, settings),
        Step(
            Who.COMPANY,
            "as an administrator of the server, make the database and the user that loads",
            script(_loader(settings)),
        ),
        schema_step(f"the table of receipts in {settings.database}", missing_receipts(place, DIALECT, empty)),
        *(view_step(table, missing(table, place, DIALECT, empty)) for table in tables),
        reader_step(settings, reader_statements(settings, password, mariadb=False)),
        rights_step(settings, right_statements(settings, tables)),
        Step(
            Who.COMPANY,
            "on MySQL, which limits no single user's statements (MariaDB does), limit those of all users",
            f"SET PERSIST max_execution_time = {settings.reader_timeout_seconds * 1000};",
        ),
        Step(
            Who.COMPANY,
            "let the server take LOAD DATA LOCAL, which is several times faster than INSERT",
            "SET GLOBAL local_infile = 1;",
        ),
        firewall_step(settings, settings.port),
        handover_step(_where(settings), settings, tables),
        check_step(name),
    ]


def reader_statements(settings: MySqlTargetSettings, password: str, *, mariadb: bool) -> list[str]:
    """Return what makes the reader, one user for each address; ``password`` is a literal."""
    ways = "REQUIRE SSL" if settings.reader_tls else "REQUIRE NONE"
    if mariadb:
        ways += f" WITH MAX_STATEMENT_TIME {settings.reader_timeout_seconds}"
    return [
        f"{verb} {user} IDENTIFIED BY {password} {ways}"
        for user in _readers(settings)
        for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER")
    ]


def right_statements(settings: MySqlTargetSettings, tables: Sequence[Table]) -> list[str]:
    """Return what gives the reader the right to read the views; these run with the rights of who made them."""
    return [
        f"GRANT SELECT ON {quote(settings.database)}.{quote(table.name)} TO {user}"
        for user in _readers(settings)
        for table in tables
    ]


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return DIALECT.identifier_preparer.quote_identifier(name)


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return text_of(sa.literal(text, sa.String()), DIALECT)


def _readers(settings: MySqlTargetSettings) -> list[str]:
    return [f"{literal(settings.reader)}@{literal(_host(network))}" for network in settings.reader_networks]


def _host(network: IPv4Network | IPv6Network) -> str:
    """Return a network as the server's accounts have it: an address, or one with its mask."""
    if network.num_addresses == 1:
        return str(network.network_address)
    return network.with_netmask


def _loader(settings: MySqlTargetSettings) -> list[str]:
    user = f"{literal(settings.username)}@'the address of this machine'"
    return [
        f"CREATE DATABASE {quote(settings.database)}",
        f"CREATE USER {user} IDENTIFIED BY '{settings.password or '…'}'",
        f"GRANT {_RIGHTS} ON {quote(settings.database)}.* TO {user} WITH GRANT OPTION",
        f"GRANT CREATE USER ON *.* TO {user}",
    ]


def _where(settings: MySqlTargetSettings) -> dict[str, object]:
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "TLS": "required" if settings.reader_tls else "as the server offers it",
        **({"certificates": f"those of {settings.ca_file.name}"} if settings.ca_file else {}),
    }
