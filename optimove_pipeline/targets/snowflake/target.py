"""A share of a Snowflake account as a target of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.snowflake.checking import checked
from optimove_pipeline.targets.snowflake.connecting import carried_out
from optimove_pipeline.targets.snowflake.loading import load_rows
from optimove_pipeline.targets.snowflake.names import Names
from optimove_pipeline.targets.snowflake.objects import make_table_and_view
from optimove_pipeline.targets.snowflake.replacing import source_of
from optimove_pipeline.targets.snowflake.session import SnowflakeSession, opened
from optimove_pipeline.targets.table import Rows, Table

FOLDER = "loading"
"""Below the data directory: files of rows on their way, for as long as they are uploaded."""


@dataclass(frozen=True, slots=True)
class SnowflakeTarget:
    """Tables and secure views of a database, and the share of these views."""

    name: str
    settings: SnowflakeShareSettings
    data_dir: Path

    @property
    def place(self) -> str:
        """Account, database and schema of the views."""
        own = self.settings
        return f"snowflake://{own.account}/{own.database}/{own.schema_name}"

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    @property
    def names(self) -> Names:
        """Where its objects lie."""
        return Names.of(self.settings)

    def session(self) -> AbstractContextManager[SnowflakeSession]:
        """Return a session to enter."""
        return opened(f"target {self.name} ({self.place})", self.settings)

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the ``source`` that a partition was loaded with last."""
        sql = source_of(self.names, table.feed, partition)
        with self.session() as session:
            rows = session.run_if_there(sql, f"look for the receipt of {table.feed} of {partition}")
        return str(rows[0]["source"]) if rows else None

    def load(self, rows: Rows) -> None:
        """Load a partition; the table and its view are made, or get the columns that they lack."""
        with self.session() as session:
            make_table_and_view(session, self.names, rows.table)
            load_rows(session, self.names, rows, self.data_dir / FOLDER / self.name / rows.table.feed)

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make all objects and the share; which accounts are added, a listing, or a replication group too."""
        with self.session() as session:
            yield from carried_out(session, self.settings, tables)

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Log in, look at the share and read each view as a consumer would."""
        return checked(self.name, self.session(), self.settings, tables)
