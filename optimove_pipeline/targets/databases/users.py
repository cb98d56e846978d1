"""The two users of a database: the one that loads, and Optimove's, which reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings


@dataclass(frozen=True, slots=True)
class User:
    """Who logs in, and how."""

    name: str
    password: str = field(repr=False)
    tls: str


def loader(settings: PostgresTargetSettings | MySqlTargetSettings) -> User:
    """Return the user that loads. Raises ``SettingsError`` where a secret is missing."""
    password = reveal(settings.password) if settings.password else ""
    return User(expand(settings.username), password, settings.tls)


def reader(settings: PostgresTargetSettings | MySqlTargetSettings) -> User:
    """Return the user that Optimove reads with. Raises ``SettingsError`` where a secret is missing."""
    tls = "require" if settings.reader_tls and settings.tls in {"disable", "prefer"} else settings.tls
    return User(settings.reader, reveal(settings.reader_password), tls)
