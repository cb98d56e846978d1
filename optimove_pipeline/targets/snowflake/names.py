"""Names and texts as they stand in Snowflake's statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.table import STAMP

STAMP_NAME = STAMP.upper()


def plain(name: str) -> str:
    """Return a name as Snowflake keeps one that was given without quotes: in capital letters."""
    return name.upper()


def quoted(name: str) -> str:
    """Return a name for a statement: queries find it whatever their letters' case, for it is all capitals."""
    return '"' + plain(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text for a statement."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Names:
    """Where the objects of a target lie."""

    database: str
    schema: str
    tables_database: str
    tables_schema: str
    share: str

    @classmethod
    def of(cls, settings: SnowflakeShareSettings) -> Self:
        """Return the names that settings give."""
        tables_database = settings.tables_database or settings.database
        return cls(
            settings.database, settings.schema_name, tables_database, settings.tables_schema, quoted(settings.share)
        )

    @property
    def views(self) -> str:
        """The schema of the views."""
        return f"{quoted(self.database)}.{quoted(self.schema)}"

    @property
    def tables(self) -> str:
        """The schema of the tables."""
        return f"{quoted(self.tables_database)}.{quoted(self.tables_schema)}"

    @property
    def receipts(self) -> str:
        """The table of receipts."""
        return f"{self.tables}.{quoted('_RECEIPTS')}"

    def table(self, name: str) -> str:
        """A feed's table."""
        return f"{self.tables}.{quoted(name)}"

    def view(self, name: str) -> str:
        """A feed's view."""
        return f"{self.views}.{quoted(name)}"

    def shown(self, name: str) -> str:
        """A feed's view as SHOW tells of it, without quotes."""
        return plain(f"{self.database}.{self.schema}.{name}")
