"""Servers as the tests of databases see them: settings that lead there, and a look past the target at its tables."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline.targets.table import Table, TableTarget

SECRETS = {"LOADER_PASSWORD": "l'o@d/e:r \\1", "READER_PASSWORD": "r\"e'a%d;er"}
READER = "optimove_reader"
_SETTINGS = {
    "host": "127.0.0.1",
    "username": "loader",
    "password": "${LOADER_PASSWORD}",
    "reader_password": "${READER_PASSWORD}",
    "reader_hosts": ("127.0.0.1", "198.51.100.0/24"),
    "tls": "verify-full",
    "timeout_seconds": 5,
}


def postgres_settings(port: int, ca_file: Path | None) -> PostgresTargetSettings:
    """Return settings that lead to the database ``crm`` of a server on the loopback."""
    return PostgresTargetSettings(kind="postgres", port=port, database="crm", ca_file=ca_file, **_SETTINGS)


def mysql_settings(port: int, ca_file: Path | None, **changed: Any) -> MySqlTargetSettings:
    """Return settings that lead to the database ``optimove`` of a server on the loopback."""
    known: dict[str, Any] = _SETTINGS | changed
    return MySqlTargetSettings(kind="mysql", port=port, database="optimove", ca_file=ca_file, **known)


def by_people(steps: Sequence[Step], title: str) -> str:
    """Return the text of the one step for people whose title holds a word, with its secrets in it."""
    (step,) = [step for step in steps if step.who is Who.COMPANY and title in step.title]
    return re.sub(r"'\$\{(\w+)\}'", lambda match: _literal(SECRETS[match[1]]), step.text)


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


@dataclass(frozen=True, slots=True)
class Engine:
    """A database; ``connection`` is its administrator's."""

    settings: PostgresTargetSettings | MySqlTargetSettings
    connection: Any

    @property
    def kind(self) -> str:
        """``postgres`` or ``mysql``."""
        return self.settings.kind

    @property
    def target(self) -> TableTarget:
        """The database as a target."""
        return self.settings.open("crm", Path("/nowhere"))

    def with_settings(self, **changes: object) -> Engine:
        """Return the same database with other settings."""
        return replace(self, settings=self.settings.model_copy(update=changes))

    def run(self, *statements: str) -> None:
        """Carry out statements as the administrator."""
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return a result as the administrator sees it."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def named(self, name: str) -> str:
        """Return the quoted name of a table or view of the target."""
        return f'optimove."{name}"' if self.kind == "postgres" else f"optimove.`{name}`"

    def rows(self, table: Table | str, order: str = "1") -> list[tuple[Any, ...]]:
        """Return what is in a view, or in a table named by its name."""
        name = table if isinstance(table, str) else table.name
        return self.query(f"SELECT * FROM {self.named(name)} ORDER BY {order}")

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table or view, in order."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {self.named(name)} WHERE 1 = 0")
            return [column[0] for column in cursor.description]

    def login(self, user: str, password: str, *, tls: bool = True) -> Any:
        """Log in as another user."""
        return log_in(self.settings, user, password, tls=tls)


def log_in(settings: DatabaseTargetSettings, user: str, password: str, *, tls: bool = True) -> Any:
    """Log in as Optimove would, with a client of the engine."""
    if isinstance(settings, PostgresTargetSettings):
        import psycopg

        return psycopg.connect(
            host=settings.host,
            port=settings.port,
            dbname=settings.database,
            user=user,
            password=password,
            sslmode="require" if tls else "disable",
            autocommit=True,
        )
    import pymysql

    assert isinstance(settings, MySqlTargetSettings)
    return pymysql.connect(
        host=settings.host,
        port=settings.port,
        database=settings.database,
        user=user,
        password=password,
        ssl={"ca": str(settings.ca_file)} if tls else None,
        ssl_disabled=not tls,
        autocommit=True,
    )


def give_secrets() -> None:
    """Put the secrets of the settings into the environment."""
    os.environ.update(SECRETS)
