"""How one logs in to Snowflake, as a source and as a target."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference, expand, reveal
from optimove_pipeline.settings.types import Seconds, Section, Text


class SnowflakeLogin(Section):
    """An account of Snowflake, and a user of it."""

    account: Text = Field(description="identifier of the account, such as acme-prod")
    username: Text = Field(description="the user's name, or a reference to it")
    password: SecretReference | None = None
    key_file: Path | None = Field(None, description="file that holds a private key")
    passphrase: SecretReference | None = Field(None, description="reference to the private key's passphrase")
    timeout_seconds: Seconds = Field(30, description="wait for a connection")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.key_file is None):
            raise ValueError("give one of password and key_file")
        return self

    def login(self) -> dict[str, Any]:
        """Return the arguments of the connector that log in, to a session in UTC.

        Raises:
            SettingsError: a secret is missing.
        """
        given = {
            "account": self.account,
            "user": expand(self.username),
            "password": reveal(self.password) if self.password else None,
            "private_key_file": str(self.key_file) if self.key_file else None,
            "private_key_file_pwd": reveal(self.passphrase) if self.passphrase else None,
            "login_timeout": round(self.timeout_seconds),
            "session_parameters": {"TIMEZONE": "UTC"},
        }
        return {key: value for key, value in given.items() if value is not None}
