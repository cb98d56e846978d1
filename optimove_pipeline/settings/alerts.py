"""Settings of alerts: which are sent, and where to."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Count, Section, Text, not_empty

Kind = Literal["run_failed", "check_failed", "late", "budget", "credentials"]

_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("expected a bare e-mail address, such as ops@example.com")
    return text


Address = Annotated[str, AfterValidator(_address)]


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("expected an address such as https://dagster.example.com")
    return text.rstrip("/")


class Webhook(Section):
    """A webhook that takes JSON as Slack does."""

    url: SecretReference = Field(description="reference to its address, which is a secret")


class Email(Section):
    """A mail server, and the letters that it is given."""

    host: Text
    port: Annotated[Count, Field(le=65535)] = Field(587, description="587 for starttls, 465 for tls")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is encrypted")
    username: SecretReference | None = Field(None, description="reference to the login, if the server wants one")
    password: SecretReference | None = Field(None, description="reference to its password")
    sender: Address
    to: Annotated[tuple[Address, ...], AfterValidator(not_empty)]

    @model_validator(mode="after")
    def _whole_and_safe_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        if self.password and self.security == "none":
            raise ValueError("a password is only sent with security: starttls or tls")
        return self


class Alerts(Section):
    """What people are told of, and where. Every alert is in the log besides."""

    kinds: tuple[Kind, ...] = Field(
        ("run_failed", "check_failed", "late", "budget", "credentials"), description="the kinds that are sent"
    )
    budget_wait_minutes: Count = Field(
        30, description="minutes that the daily run waits for the budget before an alert"
    )
    ui_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="where Dagster's UI is, for links in alerts"
    )
    webhook: Webhook | None = None
    email: Email | None = None
