"""An HTTP API that Optimove pulls from: deliveries go into a store, which ``optimove-pipeline serve`` serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.types import Count, Flag, Section, not_empty

if TYPE_CHECKING:
    from optimove_pipeline.serving.target import ApiTarget
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.table import Table

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PLACE = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^:\s/]+):(?P<port>[0-9]{1,5})")
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
_MOST_PORT = 65_535
_ROWS = 50_000


def _client_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of letters, digits, '.', '_' and '-', 60 at most")
    return text


def _place(text: str) -> str:
    found = _PLACE.fullmatch(text)
    if found is None or int(found["port"]) > _MOST_PORT:
        raise ValueError("expected an address of this machine and a port, such as 127.0.0.1:8740")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("expected an address such as https://data.example.com")
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("expected an address or a network, such as 203.0.113.7 or 203.0.113.0/24") from None
    return text


Network = Annotated[str, AfterValidator(_network)]


class ApiClient(Section):
    """Who may pull: by a key, by OAuth2 client credentials, or by either."""

    name: Annotated[str, AfterValidator(_client_name)] = Field(description="in the log, and the id at OAuth2")
    key: SecretReference | None = Field(None, description="reference to the key that it sends as X-API-Key")
    secret: SecretReference | None = Field(None, description="reference to its secret at OAuth2")
    requests_per_minute: Count = Field(600, description="more get 429 and Retry-After")

    @model_validator(mode="after")
    def _a_credential(self) -> Self:
        if self.key is None and self.secret is None:
            raise ValueError("give key, secret or both")
        return self


class ApiSettings(TableTargetSettings):
    """An HTTP API that Optimove pulls from."""

    kind: Literal["api"]
    clients: Annotated[tuple[ApiClient, ...], AfterValidator(not_empty)] = Field(description="who may pull")
    listen_on: Annotated[str, AfterValidator(_place)] = Field(
        "127.0.0.1:8740", description="address of this machine, and port"
    )
    url: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="address that Optimove calls; by default the one listened on"
    )
    tls_certificate: Path | None = Field(None, description="file of the certificate and those it was signed with")
    tls_key: Path | None = Field(None, description="file of its private key")
    plain_http: Flag = Field(default=False, description="other machines may connect without TLS: a proxy adds it")
    allow: tuple[Network, ...] = Field((), description="addresses and networks that may connect; all by default")
    trusted_proxies: tuple[Network, ...] = Field((), description="proxies whose X-Forwarded-For is believed")
    signing_key: SecretReference | None = Field(None, description="reference to the key that OAuth2's tokens carry")
    token_minutes: Annotated[Count, Field(le=1440)] = Field(60, description="how long a token of OAuth2 holds")
    most_rows: Annotated[Count, Field(le=1_000_000)] = Field(_ROWS, description="most rows of a page")
    pages_at_once: Annotated[Count, Field(le=64)] = Field(4, description="more get 429 and Retry-After")
    cursor_hours: Annotated[Count, Field(le=720)] = Field(24, description="how long a pull may take")
    decimals: Literal["text", "number"] = Field("text", description='fixed-point text, "99.0000", or bare numbers')

    @model_validator(mode="after")
    def _safe(self) -> Self:
        names = [client.name for client in self.clients]
        if len({*names}) < len(names):
            raise ValueError("clients: two have the same name")
        if any(client.secret for client in self.clients) and self.signing_key is None:
            raise ValueError("a client has a secret, so signing_key is needed: a reference to at least 32 characters")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("give tls_certificate and tls_key, or neither")
        if not (self.is_local or self.tls_certificate or self.plain_http):
            raise ValueError(
                f"listen_on {self.listen_on} is reached from other machines, and keys would pass unencrypted: give "
                "tls_certificate and tls_key, or plain_http: true where a proxy in front of it adds TLS"
            )
        return self

    @property
    def host(self) -> str:
        """The address listened on."""
        return self.listen_on.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self.listen_on.rpartition(":")[2])

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that may connect."""
        return tuple(map(ip_network, self.allow))

    @property
    def base(self) -> str:
        """The address that clients call."""
        return self.url or f"{'https' if self.tls_certificate else 'http'}://{self.listen_on}"

    def open(self, name: str, data_dir: Path) -> ApiTarget:
        """Return the API's store as a target."""
        from optimove_pipeline.serving.target import ApiTarget

        return ApiTarget(name, self, data_dir)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what the company runs, and what Optimove's engineers are handed (reference on delivery, 3.5)."""
        from optimove_pipeline.serving.steps import steps_of

        return steps_of(name, self, tables)


SETTINGS = ApiSettings
