"""Dagster's event log in SQLite, with its databases kept open.

Dagster's own opens a database anew for each event: the file opened, synced, checkpointed and closed, all statements
compiled again. That was more than half of the time of a run of small steps. The files are those of Dagster's own, so
either may go on where the other one was.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from dagster import StringSource
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from optimove_pipeline.files import identity

MOST_OPEN = 8
"""Databases kept open: the index, and those of the runs used last."""

_BUSY_SECONDS = 5.0
"""Wait for a lock, as in Dagster's own."""


@dataclass(frozen=True, slots=True)
class _Open:
    """An open database, of use in one process and for one file: either may be another one the next time."""

    engine: Engine
    process: int
    file: tuple[int, int] | None


class EventLog(SqliteEventLogStorage):
    """Events below Dagster's home: a SQLite database for each run, and an index over all.

    Named in ``dagster.yaml``, where ``home`` is the folder of that file.
    """

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._begun: dict[str, tuple[int, int] | None] = {}
        self._seen: set[tuple[object, ...]] = set()
        super().__init__(str(Path(home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return what ``dagster.yaml`` configures."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return the log that ``dagster.yaml`` configures."""
        return cls(config_value["home"], inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and let those know who follow its run.

        They watch the database's file, and a commit touches the log beside it only.
        """
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table; Dagster asks before each event of an asset or a check."""
        return self._has("table", table_name, super().has_table)

    def has_secondary_index(self, name: str) -> bool:
        """Return whether a migration of the index is complete; Dagster asks before each look at an asset."""
        return self._has("migration", name, super().has_secondary_index)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        return self._has("column", column_name, partial(super()._has_asset_key_col_on_connection, conn))

    def _has(self, kind: str, name: str, look: Callable[[str], bool]) -> bool:
        """Look for something in the index until it is there, from when on it stays."""
        thing = identity(Path(self.path_for_shard(INDEX_SHARD_NAME))), kind, name
        if thing not in self._seen and look(name):
            self._seen.add(thing)
        return thing in self._seen

    def dispose(self) -> None:
        """Close all databases."""
        super().dispose()
        with self._db_lock:
            while self._open:
                self._close(next(iter(self._open)))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        path = Path(self.path_for_shard(shard))
        file = identity(path)
        held = self._open.get(shard)
        if held is None or held.process != os.getpid() or held.file != file:
            self._close(shard)
            engine = _engine(self.conn_string_for_shard(shard))
            if file is None or self._begun.get(shard) != file:
                self._initdb(engine, for_index_shard=shard == INDEX_SHARD_NAME)
                file = self._begun[shard] = identity(path)
            held = self._open[shard] = _Open(engine, os.getpid(), file)
        self._open.move_to_end(shard)
        if len(self._open) > MOST_OPEN:
            self._close(next(iter(self._open)))
        return held.engine

    def _close(self, shard: str) -> None:
        held = self._open.pop(shard, None)
        if held is not None:
            # What a process has inherited is closed by the one that opened it.
            held.engine.dispose(close=held.process == os.getpid())


def _engine(address: str) -> Engine:
    # More than one connection only while Dagster creates its tables.
    engine = create_engine(address, poolclass=QueuePool, pool_size=1, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # Sound after any crash of ours. After one of the machine the last events may lack, whose days are made again.
    connection.execute("PRAGMA synchronous=NORMAL")
