"""BigQuery as a source: each query reads as of one moment, its rows as Arrow from Google's client.

No BigQuery runs where this is tested: its statements are compared as text, and the client is recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.arrow import frames_of
from optimove_pipeline.datasets.sources.dialects import BigQueryDialect
from optimove_pipeline.datasets.sources.drivers import driver, first_line
from optimove_pipeline.datasets.sources.sql import JSON, TEXT, Described, SqlSnapshot, selected
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.settings.sources import BigQuerySettings

_EXTRA = "bigquery"


@contextmanager
def open_bigquery(name: str, settings: BigQuerySettings) -> Iterator[SqlSnapshot]:
    """Yield a snapshot of a project's data.

    Raises:
        SettingsError: the client is not installed, a secret is missing, or the account is refused.
        PartitionError: BigQuery can't be reached.
    """
    place = f"source {name} (bigquery, {settings.project})"
    bigquery = driver("google.cloud.bigquery", _EXTRA, place)
    errors = driver("google.api_core.exceptions", _EXTRA, place)
    login = driver("google.auth.exceptions", _EXTRA, place).GoogleAuthError
    driver("pyarrow", _EXTRA, place)
    with _told(errors, login, place, "open"):
        client = _client(bigquery, settings, place)
    with client:
        session = BigQuerySession(place, client, bigquery.QueryJobConfig, errors, login)
        taken_at = session.value("SELECT CURRENT_TIMESTAMP()", "open").astimezone(UTC)
        moment = f"FOR SYSTEM_TIME AS OF TIMESTAMP '{taken_at:%Y-%m-%d %H:%M:%S.%f}+00:00'"
        seen = BigQuerySession(place, client, bigquery.QueryJobConfig, errors, login, moment)
        yield SqlSnapshot(place, taken_at, seen)


def _client(bigquery: Any, settings: BigQuerySettings, place: str) -> Any:
    config = bigquery.QueryJobConfig()
    if settings.dataset is not None:
        config.default_dataset = f"{settings.project}.{settings.dataset}"
    known = {"project": settings.project, "location": settings.region, "default_query_job_config": config}
    if settings.service_account is None:
        return bigquery.Client(**known)
    try:
        account = json.loads(reveal(settings.service_account))
    except ValueError:
        raise SettingsError(f"{place}: service_account: expected the JSON of a service account") from None
    return bigquery.Client.from_service_account_info(account, **known)


@dataclass(frozen=True, slots=True)
class BigQuerySession:
    """One client; ``config`` makes the settings of a query, ``errors`` and ``login`` are the client's errors."""

    place: str
    client: Any = field(repr=False)
    config: Any
    errors: Any
    login: type[Exception]
    as_of: str = ""
    dialect: Dialect = field(default_factory=BigQueryDialect)

    def described(self, sql: str, place: str) -> dict[str, Described]:
        """Return the columns of a result; nothing is read for it."""
        with _told(self.errors, self.login, self.place, place):
            job = self.client.query(sql, job_config=self.config(dry_run=True))
        return {each.name: _described(each) for each in job.schema}

    def expressions(self, columns: dict[str, Described]) -> list[sa.ColumnElement[Any]]:
        """Return what is selected for columns."""
        return selected(columns, sa.func.to_json_string)

    def frames(self, sql: str, columns: dict[str, Described], place: str) -> Iterator[pl.DataFrame]:
        """Yield a statement's rows."""
        with _told(self.errors, self.login, self.place, place):
            yield from frames_of(self.client.query(sql).result().to_arrow_iterable())

    def value(self, sql: str, place: str) -> Any:
        """Return the first value of a result, or None."""
        with _told(self.errors, self.login, self.place, place):
            row = next(iter(self.client.query(sql).result()), None)
        return row[0] if row is not None else None


def _described(each: Any) -> Described:
    if each.mode == "REPEATED" or each.field_type in {"RECORD", "STRUCT", "JSON"}:
        return JSON
    return Described(_DTYPES[each.field_type]) if each.field_type in _DTYPES else TEXT


_DTYPES: dict[str, pl.DataType] = {
    "STRING": pl.String(),
    "INTEGER": pl.Int64(),
    "INT64": pl.Int64(),
    "FLOAT": pl.Float64(),
    "FLOAT64": pl.Float64(),
    "NUMERIC": pl.Decimal(38, 9),
    "BOOLEAN": pl.Boolean(),
    "BOOL": pl.Boolean(),
    "DATE": pl.Date(),
    "DATETIME": pl.Datetime("us"),
    "TIMESTAMP": pl.Datetime("us", "UTC"),
}


@contextmanager
def _told(errors: Any, login: type[Exception], place: str, what: str) -> Iterator[None]:
    try:
        yield
    except (errors.ServerError, errors.RetryError) as error:
        raise PartitionError(f"{place}: {what}: can't be reached, or broke off: {first_line(error)}") from None
    except errors.GoogleAPICallError as error:
        raise SettingsError(f"{place}: {what}: {first_line(error)}") from None
    except login as error:
        raise SettingsError(f"{place}: the account is refused: {type(error).__name__}") from None
