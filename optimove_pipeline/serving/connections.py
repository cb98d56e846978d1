"""Connections to the store that are kept for the next page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from optimove_pipeline.serving.store import open_reading


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections that nobody uses at the moment."""

    path: Path
    idle: list[sqlite3.Connection] = field(default_factory=list)

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that is nobody else's meanwhile. One that met an error is not kept."""
        try:
            connection = self.idle.pop()
        except IndexError:
            connection = open_reading(self.path)
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            self.idle.append(connection)
            raise
        self.idle.append(connection)

    def close(self) -> None:
        """Close those that nobody uses."""
        while self.idle:
            self.idle.pop().close()
