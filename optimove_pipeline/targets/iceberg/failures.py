"""What goes wrong with catalogs and their storage, in our words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import requests
from pyiceberg import exceptions as iceberg
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError

_REFUSED = (iceberg.OAuthError, iceberg.UnauthorizedError, iceberg.ForbiddenError, iceberg.AuthorizationExpiredError)
_PASSING = (
    iceberg.ServiceUnavailableError,
    iceberg.ServerError,
    iceberg.TooManyRequestsError,
    iceberg.CommitStateUnknownException,
    iceberg.CommitFailedException,
    iceberg.WaitingForLockException,
    requests.ConnectionError,
    requests.Timeout,
    OperationalError,
)
_FINAL = (
    iceberg.RESTError,
    iceberg.ValidationError,
    iceberg.ValidationException,
    iceberg.NoSuchTableError,
    iceberg.NoSuchNamespaceError,
    iceberg.NamespaceAlreadyExistsError,
    iceberg.TableAlreadyExistsError,
    iceberg.NotInstalledError,
    iceberg.SignError,
    iceberg.ResolveError,
    requests.RequestException,
    SQLAlchemyError,
    ValueError,
)
_STORAGE_IS_AWAY = re.compile(r"NETWORK_CONNECTION|timed? ?out|INTERNAL_FAILURE|SLOW_DOWN|SERVICE_UNAVAILABLE")
_STORAGE_REFUSES = re.compile(r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|AuthenticationFailed|\b40[13]\b")
_STORAGE_FAILS = re.compile(r"\b50\d\b")


@contextmanager
def told(label: str, secrets: Collection[str]) -> Iterator[None]:
    """Tell errors of the catalog and of its storage in our words, without the secrets.

    Raises:
        LoginError, UnreachableError, TargetError: what went wrong, and where.
    """
    try:
        yield
    except _REFUSED as error:
        raise LoginError(
            f"{label}: the credential is refused: {_said(error, secrets)}; check that it has not expired, and may "
            "create tables in the namespace"
        ) from None
    except _PASSING as error:
        raise UnreachableError(f"{label}: {_said(error, secrets)}") from None
    except _FINAL as error:
        raise TargetError(f"{label}: {_said(error, secrets)}") from None
    except OSError as error:
        raise _of_storage(label, error, secrets) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "botocore":
            raise
        raise TargetError(f"{label}: {_said(error, secrets)}") from None


def _of_storage(label: str, error: OSError, secrets: Collection[str]) -> TargetError:
    text = _said(error, secrets)
    # Names count before numbers, which may be a part of a path as well.
    is_away = _STORAGE_IS_AWAY.search(text) is not None or isinstance(error, ConnectionError | TimeoutError)
    if not is_away and (_STORAGE_REFUSES.search(text) or isinstance(error, PermissionError)):
        return LoginError(
            f"{label}: its storage refuses us: {text}; check that the credential is that of the warehouse, and may "
            "read, list, write and delete there"
        )
    if is_away or _STORAGE_FAILS.search(text):
        return UnreachableError(f"{label}: its storage can't be reached: {text}")
    return TargetError(f"{label}: {text}")


def _said(error: Exception, secrets: Collection[str]) -> str:
    """Return the first line of an error without secrets, queries of addresses and the SQL of a catalog."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "…")
    return re.sub(r"\?\S*", "", line)[:300]
