"""Snowflake as a source: each statement reads as of one moment, its rows as Arrow from Snowflake's connector.

No Snowflake runs where this is tested: its statements are compared as text, and the connector is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.arrow import described_by, frames_of
from optimove_pipeline.datasets.sources.dialects import SnowflakeDialect
from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.datasets.sources.sql import Described, SqlSnapshot, selected
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import SnowflakeSettings

_EXTRA = "snowflake"


@contextmanager
def open_snowflake(name: str, settings: SnowflakeSettings) -> Iterator[SqlSnapshot]:
    """Yield a snapshot of a Snowflake database.

    Raises:
        SettingsError: the connector is not installed, a secret is missing, or the login is refused.
        PartitionError: Snowflake can't be reached.
    """
    place = f"source {name} (snowflake, {settings.account}/{settings.database})"
    connector = driver("snowflake.connector", _EXTRA, place)
    driver("pyarrow", _EXTRA, place)
    with _told(connector.errors, place, "open"):
        connection = connector.connect(**_arguments(settings))
    with connection:
        session = SnowflakeSession(place, connection, connector.errors)
        taken_at = session.value("SELECT CURRENT_TIMESTAMP()", "open").astimezone(UTC)
        moment = f"AT(TIMESTAMP => '{taken_at:%Y-%m-%d %H:%M:%S.%f} +0000'::TIMESTAMP_TZ)"
        seen = SnowflakeSession(place, connection, connector.errors, moment)
        yield SqlSnapshot(place, taken_at, seen)


def _arguments(settings: SnowflakeSettings) -> dict[str, Any]:
    given = {
        "database": settings.database,
        "schema": settings.schema_name,
        "warehouse": settings.warehouse,
        "role": settings.role,
    }
    return {**settings.login(), **{key: value for key, value in given.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class SnowflakeSession:
    """One connection; ``errors`` is the module of the connector's errors."""

    place: str
    connection: Any = field(repr=False)
    errors: Any
    as_of: str = ""
    dialect: Dialect = field(default_factory=SnowflakeDialect)

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a result."""
        with _told(self.errors, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return described_by(cursor.fetch_arrow_all(force_return_table=True))

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns."""
        return selected(columns, sa.func.to_json)

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows."""
        with _told(self.errors, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            yield from frames_of(cursor.fetch_arrow_batches())

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a result, or None."""
        with _told(self.errors, self.place, place), self.connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None


@contextmanager
def _told(errors: Any, place: str, what: str) -> Iterator[None]:
    try:
        yield
    except errors.ProgrammingError as error:
        raise SettingsError(f"{place}: {what}: {first_line(error)}") from None
    except errors.OperationalError as error:
        raise PartitionError(f"{place}: {what}: can't be reached, or broke off: {first_line(error)}") from None
    except errors.DatabaseError as error:
        # A refused login, among others.
        raise SettingsError(f"{place}: {what}: {first_line(error)}; check account, user and credential") from None
    except errors.Error as error:
        raise PartitionError(f"{place}: {what}: can't be reached, or broke off: {first_line(error)}") from None
