"""The settings of the API client, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from optimove_pipeline.errors import SettingsError


def _check_number(name: str, value: float, *, minimum: float) -> None:
    if not (math.isfinite(value) and value >= minimum):
        raise SettingsError(f"Optimove API: {name} is {value}; expected a number of at least {minimum:g}")


@dataclass(frozen=True, slots=True)
class Login:
    """The legacy login of accounts without an API key (reference, section 1.2)."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitOptions:
    """When the circuit opens: after ``failures`` in a row over the whole client.

    A probe goes after ``cool_down_seconds``, doubled with each failed probe; after ``probes`` of them the
    client gives up.
    """

    failures: int = 10
    cool_down_seconds: float = 30.0
    probes: int = 5

    def __post_init__(self) -> None:
        _check_number("circuit.failures", self.failures, minimum=1)
        _check_number("circuit.cool_down_seconds", self.cool_down_seconds, minimum=0)
        _check_number("circuit.probes", self.probes, minimum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """How to reach the API. Raises SettingsError for a value that can't work.

    ``base_url`` is used whole, prefix included (``https://api5.optimove.net/current``); a function's path is
    appended. Either ``api_key`` or ``login`` is given. Times are in seconds. ``attempts`` bounds the tries of one
    call. ``back_off_seconds`` is the first delay after a failure, ``rate_limited_seconds`` the first one after HTTP
    429 without ``Retry-After`` (reference, section 4: from 10 s); both double per attempt up to
    ``back_off_cap_seconds``, which never cuts a ``Retry-After``. ``readers`` bounds the answers read at a time, and
    with them the memory. ``proofs`` names a file that remembers which functions are proven to exist.
    """

    base_url: str
    api_key: SecretStr | None = None
    login: Login | None = None
    timeout_seconds: float = 600.0
    connect_seconds: float = 30.0
    concurrency: int = 16
    readers: int = 4
    attempts: int = 6
    back_off_seconds: float = 1.0
    rate_limited_seconds: float = 10.0
    back_off_cap_seconds: float = 300.0
    circuit: CircuitOptions = CircuitOptions()
    gzip: bool = True
    proofs: Path | None = None

    def __post_init__(self) -> None:
        _check_base_url(self.base_url)
        _check_credentials(self)
        for name in ("timeout_seconds", "connect_seconds"):
            _check_number(name, getattr(self, name), minimum=0.001)
        for name in ("concurrency", "readers", "attempts"):
            _check_number(name, getattr(self, name), minimum=1)
        for name in ("back_off_seconds", "rate_limited_seconds", "back_off_cap_seconds"):
            _check_number(name, getattr(self, name), minimum=0)

    def url(self, function: str) -> str:
        """Return the address of a function: ``<base URL>/customers/GetCustomersByAction``."""
        return f"{self.base_url.rstrip('/')}/{function.strip('/')}"

    @property
    def timeout(self) -> httpx.Timeout:
        """Return the time-outs of one request; waiting for a connection is bounded by ``concurrency`` instead."""
        return httpx.Timeout(self.timeout_seconds, connect=self.connect_seconds, pool=None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the credentials as plain text, to be masked wherever a server echoes them."""
        held = (self.api_key, self.login.password if self.login else None)
        return tuple(secret.get_secret_value() for secret in held if secret is not None)


def _check_base_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            f"OPTIMOVE_API_URL: {base_url.rpartition('@')[2]!r} is not a base URL; expected the whole of it, such as "
            "https://api5.optimove.net/current"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(
            f"OPTIMOVE_API_URL: the base URL of {parts.hostname} holds a user name, a query or a fragment; expected "
            "only scheme, host and path, with the key in OPTIMOVE_API_KEY"
        )


def _check_credentials(options: ApiOptions) -> None:
    if (options.api_key is None) == (options.login is None):
        raise SettingsError("Optimove API: give either an API key (OPTIMOVE_API_KEY) or the legacy login, not both")
    if options.api_key is not None and not sendable(options.api_key.get_secret_value()):
        raise SettingsError(
            "OPTIMOVE_API_KEY: the key is empty or holds a space, a line break or a character outside ASCII; copy it "
            "again from Settings, API Key Management"
        )
    if options.login is not None and not (options.login.username and options.login.password.get_secret_value()):
        raise SettingsError("Optimove API: the legacy login needs both a user name and a password")


def sendable(credential: str) -> bool:
    """Return whether a key or token can stand in an HTTP header: printable ASCII without spaces."""
    return bool(credential) and credential.isascii() and credential.isprintable() and " " not in credential
