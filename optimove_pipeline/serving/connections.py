"""Connections to the store that are kept for the next page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from optimove_pipeline.files import identity
from optimove_pipeline.serving.store import open_reading


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections that nobody uses at the moment."""

    path: Path
    idle: list[tuple[tuple[int, int] | None, sqlite3.Connection]] = field(default_factory=list)
    """With the identity of the file that each reads: a store may be removed and begun anew."""

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that is nobody else's meanwhile. One that met an error is not kept."""
        file = identity(self.path)
        connection = self._kept(file) or open_reading(self.path)
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            self.idle.append((file, connection))
            raise
        self.idle.append((file, connection))

    def close(self) -> None:
        """Close those that nobody uses."""
        while self.idle:
            self.idle.pop()[1].close()

    def _kept(self, file: tuple[int, int] | None) -> sqlite3.Connection | None:
        """Return one that reads the file; those of other files are closed."""
        with suppress(IndexError):
            while True:
                read, connection = self.idle.pop()
                if read == file and file is not None:
                    return connection
                connection.close()
        return None
