"""A MySQL or MariaDB database that Optimove reads from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.settings.sources import Port

if TYPE_CHECKING:
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.databases.mysql import MySqlTarget
    from optimove_pipeline.targets.table import Table


class MySqlTargetSettings(DatabaseTargetSettings):
    """A MySQL or MariaDB database that Optimove reads from; nothing else should be in it."""

    kind: Literal["mysql"]
    port: Port = 3306
    tls: Literal["disable", "require", "verify-full"] = Field(
        "require", description="verify-full checks the certificate and the server's name"
    )
    ca_file: Path | None = Field(None, description="file of the certificates that the server's is checked against")

    @model_validator(mode="after")
    def _networks(self) -> Self:
        if any(network.version == 6 and network.num_addresses > 1 for network in self.reader_networks):
            raise ValueError("reader_hosts: MySQL's accounts know no networks of IPv6: name each address of it")
        return self

    def open(self, name: str, data_dir: Path) -> MySqlTarget:
        """Return the database as a target."""
        from optimove_pipeline.targets.databases.mysql import MySqlTarget

        return MySqlTarget(name, self)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what both sides set up (reference on delivery, section 3.3)."""
        from optimove_pipeline.targets.databases.mysql_access import steps_of

        return steps_of(name, self, tables)


SETTINGS = MySqlTargetSettings
