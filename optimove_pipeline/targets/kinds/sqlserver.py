"""A SQL Server database that Optimove reads from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.settings.sources import Port
from optimove_pipeline.settings.types import Flag, Text

if TYPE_CHECKING:
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.sqlserver.target import SqlServerTarget
    from optimove_pipeline.targets.table import Table


class SqlServerTargetSettings(DatabaseTargetSettings):
    """A SQL Server database, or one of Azure SQL, that Optimove reads from."""

    kind: Literal["sqlserver"]
    port: Port = 1433
    schema_name: Text = Field("optimove", description="schema of the tables and views")
    tls: Literal["disable", "require", "verify-full"] = Field(
        "verify-full", description="verify-full checks the certificate and the server's name"
    )
    contained: Flag = Field(
        default=True, description="the reader is a user of this database alone; false: it has a login of the server"
    )

    def open(self, name: str, data_dir: Path) -> SqlServerTarget:
        """Return the database as a target."""
        from optimove_pipeline.targets.sqlserver.target import SqlServerTarget

        return SqlServerTarget(name, self)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what both sides set up (reference on delivery, section 3.3)."""
        from optimove_pipeline.targets.sqlserver.access import steps_of

        return steps_of(name, self, tables)


SETTINGS = SqlServerTargetSettings
