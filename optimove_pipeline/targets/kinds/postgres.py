"""A PostgreSQL database that Optimove reads from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.settings.sources import Port
from optimove_pipeline.settings.types import Text

if TYPE_CHECKING:
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.databases.postgres import PostgresTarget
    from optimove_pipeline.targets.table import Table


class PostgresTargetSettings(DatabaseTargetSettings):
    """A PostgreSQL database that Optimove reads from."""

    kind: Literal["postgres"]
    port: Port = 5432
    schema_name: Text = Field("optimove", description="schema of the tables and views")
    tls: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "require", description="sslmode; verify-full checks the certificate and the server's name"
    )
    ca_file: Path | None = Field(None, description="file of the certificates that the server's is checked against")

    def open(self, name: str, data_dir: Path) -> PostgresTarget:
        """Return the database as a target."""
        from optimove_pipeline.targets.databases.postgres import PostgresTarget

        return PostgresTarget(name, self)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what both sides set up (reference on delivery, section 3.3)."""
        from optimove_pipeline.targets.databases.postgres_access import steps_of

        return steps_of(name, self, tables)


SETTINGS = PostgresTargetSettings
