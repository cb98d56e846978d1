"""The API as a target: deliveries go into its store, which may be served at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked
from optimove_pipeline.serving import loading
from optimove_pipeline.serving.handing_over import write_documentation
from optimove_pipeline.serving.steps import PREPARED
from optimove_pipeline.serving.store import empty_log, open_reading, receipts, store_file, writing
from optimove_pipeline.serving.trial import try_out
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.errors import UnreachableError
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline.targets.table import Rows, Table

_LOCK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """The store of an API, as a target that takes tables."""

    name: str
    settings: ApiSettings
    data_dir: Path

    @property
    def place(self) -> str:
        """The address that clients call."""
        return self.settings.base

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    @property
    def path(self) -> Path:
        """The store's file."""
        return store_file(self.data_dir, self.name)

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the ``source`` of the rows that the store has of a partition."""
        if not self.path.exists():
            return None
        with closing(open_reading(self.path)) as connection:
            held = {each.partition: each.source for each in receipts(connection, table.feed)}
        return held.get(partition)

    def load(self, rows: Rows) -> None:
        """Load a partition as a new generation; those who read the one before are not disturbed.

        Raises:
            UnreachableError: another process kept the store for too long.
            SettingsError: the store can't be written, or the settings make the change column text.
        """
        kept = self.settings.cursor_hours * 3600.0
        with self._turn(f"loading {rows.table.feed}"):
            with writing(self.path) as connection:
                loading.load(connection, rows, self.settings.decimals, kept, time.time())
            empty_log(self.path)

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make the store, and write the documentation of the API beside it."""
        with self._turn("connecting"), writing(self.path):
            pass
        written = write_documentation(self.path.with_suffix(""), self.name, self.settings, tables)
        yield Step(Who.PROGRAM, PREPARED, "\n".join(map(str, [self.path, *written])))

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Ask the API in this process as each client would, and once without a credential."""
        with self._turn("checking"), writing(self.path):
            pass
        return try_out(self.name, self.settings, self.path, tables)

    @contextmanager
    def _turn(self, purpose: str) -> Iterator[None]:
        """Be the only one who writes to the store; loading may take longer than SQLite waits."""
        lock = self.data_dir / "state" / "locks" / f"serving-{self.name}.lock"
        try:
            with locked(lock, f"{purpose} at {self.name}", _LOCK_SECONDS):
                yield
        except BusyError as error:
            raise UnreachableError(str(error)) from error
