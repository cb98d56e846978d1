"""Records beside the deliveries in the ledger's file: they are only added, never changed or removed."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.sqlite_file import transaction


@dataclass(frozen=True, slots=True)
class Records:
    """A table of the ledger's file.

    ``columns`` are names and types of SQLite; a REAL is a moment in epoch seconds, and ``day`` the key of a partition
    (``partition_keys``). Each record has a ``number``, which grows, and an ``id`` of its own besides.
    """

    name: str
    columns: dict[str, str]

    def opened(self, path: Path) -> AbstractContextManager[sqlite3.Connection]:
        """Return the turn at the file in which the table may be read and added to.

        Raises:
            BusyError: another process kept the file for half a minute.
            SettingsError: the file can't be used.
        """
        columns = ", ".join(f"{name} {kind} NOT NULL" for name, kind in self.columns.items())
        number = "number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE"
        return transaction(path, "ledger", (f"CREATE TABLE IF NOT EXISTS {self.name} ({number}, {columns})",))

    def add(self, connection: sqlite3.Connection, *values: str | float) -> None:
        """Add a record of these values, in the order of the columns."""
        statement = f"INSERT INTO {self.name} (id, {', '.join(self.columns)}) VALUES (?{', ?' * len(self.columns)})"  # noqa: S608 - names of our own
        connection.execute(statement, (uuid.uuid4().hex, *values))
