"""One session of Snowflake: statements, their rows, and errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings

_EXTRA = "snowflake"
_ABSENT = (2003, 2043)
"""Numbers of Snowflake's "does not exist or not authorized"."""
_WAITED_FOR = (604, 625)
"""Numbers of a statement that was cancelled, or ended by another that holds the table for too long."""
_OF_ROWS = range(100_000, 101_000)
"""Numbers of errors in rows: their text holds values."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SnowflakeSession:
    """A connection; ``errors`` is the module of the connector's errors. Every method raises ``TargetError``."""

    label: str
    connection: Any = field(repr=False)
    errors: Any

    def run(self, sql: str, what: str) -> list[Row]:
        """Run a statement and return its rows, columns by their names in small letters. ``what`` is for people."""
        with _told(self.errors, self.label, what):
            return self._rows(sql)

    def run_if_there(self, sql: str, what: str) -> list[Row] | None:
        """Return a statement's rows, or None if what it names is not there (or not for this role)."""
        with _told(self.errors, self.label, what):
            try:
                return self._rows(sql)
            except self.errors.ProgrammingError as error:
                if error.errno in _ABSENT:
                    return None
                raise

    @contextmanager
    def transaction(self, what: str) -> Iterator[None]:
        """Keep all statements, or none: what was begun ends with the session. None of them may be DDL."""
        self.run("BEGIN", what)
        yield
        self.run("COMMIT", what)

    def _rows(self, sql: str) -> list[Row]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            names = [column[0].lower() for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def opened(label: str, settings: SnowflakeShareSettings) -> Iterator[SnowflakeSession]:
    """Yield a session.

    Raises:
        SettingsError: the connector is not installed, or a secret is missing.
        LoginError: Snowflake refuses the login, or the key can't be read.
        UnreachableError: there is no connection.
    """
    connector = driver("snowflake.connector", _EXTRA, label)
    driver("pyarrow", _EXTRA, label)
    arguments = _arguments(settings)
    with _told(connector.errors, label, "log in"):
        try:
            connection = connector.connect(**arguments)
        except (OSError, TypeError, ValueError):
            # Their texts may hold what was read of the key.
            raise LoginError(
                f"{label}: {settings.key_file} can't be read as a private key: expected PEM, with its passphrase if "
                "it has one"
            ) from None
    # Not as a context of its own: where the account's AUTOCOMMIT is off, that would commit or roll back first.
    with closing(connection):
        yield SnowflakeSession(label, connection, connector.errors)


def _arguments(settings: SnowflakeShareSettings) -> dict[str, Any]:
    own = {
        "warehouse": settings.warehouse,
        "role": settings.role,
        # The connector ends a statement that takes longer, whether the network is at fault or not.
        "network_timeout": round(settings.statement_seconds),
        # Otherwise the connector looks for the cloud that it runs in, at addresses of its network.
        "platform_detection_timeout_seconds": 0,
        "application": "optimove_pipeline",
    }
    arguments = {**settings.login(), **own}
    # Otherwise what a killed load had begun holds its locks for hours.
    arguments["session_parameters"] |= {"ABORT_DETACHED_QUERY": True, "CLIENT_TELEMETRY_ENABLED": False}
    if settings.endpoint:
        parts = urlsplit(settings.endpoint)
        arguments |= {"host": parts.hostname, "protocol": parts.scheme}
        arguments |= {"port": parts.port or (443 if parts.scheme == "https" else 80)}
    return arguments


@contextmanager
def _told(errors: Any, label: str, what: str) -> Iterator[None]:
    try:
        yield
    except errors.ProgrammingError as error:
        text = f"error {error.errno} in a row" if error.errno in _OF_ROWS else first_line(error)
        kind = UnreachableError if error.errno in _WAITED_FOR else TargetError
        raise kind(f"{label}: {what}: {text}") from None
    except (errors.OperationalError, errors.InterfaceError) as error:
        raise UnreachableError(f"{label}: {what}: can't be reached, or broke off: {first_line(error)}") from None
    except (errors.DatabaseError, errors.ForbiddenError) as error:
        raise LoginError(f"{label}: {what}: {first_line(error)}; check account, user, credential and role") from None
    except errors.Error as error:
        raise UnreachableError(f"{label}: {what}: can't be reached, or broke off: {first_line(error)}") from None
