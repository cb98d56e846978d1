"""Google's client for BigQuery, with its errors in our words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    RetryError,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.bigquery import Client, QueryJobConfig
from google.cloud.bigquery.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from optimove_pipeline.datasets.sources.drivers import first_line
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings

_TRY_AGAIN = ("concurrent update", "rateLimitExceeded", "backendError")


@dataclass(frozen=True, slots=True)
class Session:
    """A client, and what it may take; ``label`` names it in messages."""

    label: str
    client: Client
    settings: BigQueryTargetSettings

    @property
    def once(self) -> dict[str, Any]:
        """Return how a request is made: again for as long as the settings wait for an answer."""
        return {**self.until_done, "timeout": self.settings.timeout_seconds}

    @property
    def until_done(self) -> dict[str, Any]:
        """Return how a job is waited for: for ever, as long as BigQuery answers."""
        retry: Retry = DEFAULT_RETRY.with_deadline(self.settings.timeout_seconds)
        return {"retry": retry}

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Carry statements out as one job, and return the rows of the last.

        Raises:
            TargetError: as ``told`` tells it.
        """
        text = ";\n".join(statements)
        with told(self.label, "a statement"):
            job = self.client.query(text, location=self.settings.region, job_retry=None, **self.once)
            rows = job.result(job_retry=None, **self.until_done)
            return [tuple(row.values()) for row in rows] if rows.total_rows is not None else []

    def columns(self, dataset: str, table: str) -> list[str]:
        """Return the columns of a table or view; none if it is not there."""
        with told(self.label, f"look at {dataset}.{table}"):
            try:
                found = self.client.get_table(f"{self.settings.project}.{dataset}.{table}", **self.once)
            except NotFound:
                return []
            return [field.name for field in found.schema]


@contextmanager
def session(label: str, settings: BigQueryTargetSettings, account: str | None) -> Iterator[Session]:
    """Yield a session as a service account, ``account`` being the reference to its JSON.

    Raises:
        SettingsError: a secret is missing, or is no service account.
        LoginError: there are no credentials.
    """
    config = QueryJobConfig(use_legacy_sql=False)
    known: dict[str, Any] = {
        "project": settings.project,
        "location": settings.region,
        "default_query_job_config": config,
        "client_options": {"api_endpoint": settings.endpoint} if settings.endpoint else None,
    }
    with told(label, "log in"):
        client = Client(**known) if account is None else _as_account(label, account, known)
    with client:
        yield Session(label, client, settings)


def _as_account(label: str, account: str, known: dict[str, Any]) -> Client:
    try:
        info = json.loads(reveal(account))
        client: Client = Client.from_service_account_info(info, **known)  # type: ignore[no-untyped-call] # so the library has it
    except (ValueError, TypeError, AttributeError):
        raise SettingsError(f"{label}: {account} holds no JSON of a service account") from None
    return client


@contextmanager
def told(label: str, action: str) -> Iterator[None]:
    """Tell the client's errors in our words."""
    try:
        yield
    except (Forbidden, Unauthorized) as error:
        if _is_worth_a_try(error):
            raise UnreachableError(f"{label}: {action}: {first_line(error)}") from None
        raise LoginError(
            f"{label}: {action}: the account is refused: {first_line(error)}; `optimove-pipeline connect` shows "
            "the roles that it needs"
        ) from None
    except (ServerError, RetryError, TooManyRequests, TransportError, RequestException) as error:
        raise UnreachableError(
            f"{label}: {action}: BigQuery can't be reached, or broke off: {_cause(error)}"
        ) from None
    except GoogleAPICallError as error:
        kind = UnreachableError if _is_worth_a_try(error) else TargetError
        raise kind(f"{label}: {action}: {first_line(error)}") from None
    except GoogleAuthError as error:
        raise LoginError(f"{label}: {action}: the account is refused: {type(error).__name__}") from None


def _is_worth_a_try(error: GoogleAPICallError) -> bool:
    return any(sign in str(error) for sign in _TRY_AGAIN)


def _cause(error: Exception) -> str:
    """Return the first line of an error; of one that was tried again, of the last."""
    cause = getattr(error, "cause", None) or error
    return type(cause).__name__ if isinstance(cause, RequestException) else first_line(cause)
