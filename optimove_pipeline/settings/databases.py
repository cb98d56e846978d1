"""What the settings of databases as targets have in common, whatever the engine."""

from __future__ import annotations

from abc import ABC
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.types import Count, Flag, Seconds, Text, not_empty


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("expected an address or a network, such as 198.51.100.7 or 198.51.100.0/24") from None
    return text


Network = Annotated[Text, AfterValidator(_network)]


class DatabaseTargetSettings(TableTargetSettings, ABC):
    """What databases on a server have: the login that writes, and the one that Optimove reads with."""

    host: Text
    database: Text
    username: Text = Field(description="the user that loads, or a reference to its name")
    password: SecretReference | None = None
    timeout_seconds: Seconds = Field(30, description="wait for a connection, and for a table that another changes")
    reader: Text = Field("optimove_reader", description="user that Optimove reads with")
    reader_password: SecretReference = Field(description="reference to the password that Optimove gets")
    reader_hosts: Annotated[tuple[Network, ...], AfterValidator(not_empty)] = Field(
        description="addresses and networks the reader logs in from: Optimove's, and this machine's for the check"
    )
    reader_tls: Flag = Field(default=True, description="the reader must use TLS")
    reader_timeout_seconds: Count = Field(3600, description="longest statement of the reader")

    @model_validator(mode="after")
    def _two_users(self) -> Self:
        if self.reader == self.username:
            raise ValueError("reader: it is the username that loads; Optimove needs a user of its own")
        return self

    @property
    def reader_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks that the reader may log in from; an address is a network of one."""
        return [ip_network(text) for text in self.reader_hosts]
