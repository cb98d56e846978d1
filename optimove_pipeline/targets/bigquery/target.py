"""BigQuery as a target: each partition through a stage table into its table, in one transaction with its receipt.

Optimove reads views in a dataset of their own, which is authorised to read the tables' dataset; so the right to read
the one gives none on the other (reference on delivery, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.file_lock import locked
from optimove_pipeline.targets.bigquery import checking, making
from optimove_pipeline.targets.bigquery.client import Session, session
from optimove_pipeline.targets.bigquery.staging import stage_forgotten, stage_rows
from optimove_pipeline.targets.bigquery.statements import DIALECT, place_of
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.databases.layout import RECEIPTS, bare, text_of
from optimove_pipeline.targets.databases.loading import receipt_of
from optimove_pipeline.targets.databases.replacing import FORGOTTEN, replacing, staged
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Rows, Table

_TURN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class BigQueryTarget:
    """A dataset of BigQuery."""

    name: str
    settings: BigQueryTargetSettings
    data_dir: Path

    @property
    def place(self) -> str:
        """Kind, project and dataset."""
        return f"bigquery://{self.settings.project}/{self.settings.dataset}"

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the source of the rows that are there of a partition."""
        with self._session() as own:
            if not own.columns(self.settings.tables_dataset, RECEIPTS):
                return None
            place = place_of(self.settings, self.settings.tables_dataset)
            found = own.run(text_of(receipt_of(table, partition, place), DIALECT))
        return str(found[0][0]) if found else None

    def load(self, rows: Rows) -> None:
        """Load a partition in one transaction."""
        with self._session() as own:
            making.make(own, rows.table)
            with stage_rows(own, rows) as stage, stage_forgotten(own, rows) as forgotten, self._alone():
                own.run("BEGIN TRANSACTION", *self._changes(rows, stage, forgotten), "COMMIT TRANSACTION")

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make datasets, tables and views, and let the reader read the views."""
        with self._session() as own:
            yield from making.connect(own, tables)

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Read the views as the reader, who may write nothing and see no table."""
        return checking.check(self.name, self.settings, tables)

    def _changes(self, rows: Rows, stage: str, forgotten: str | None) -> list[str]:
        stages = place_of(self.settings, self.settings.stage_dataset)
        place = place_of(self.settings, self.settings.tables_dataset)
        ids = bare(forgotten, [FORGOTTEN], stages) if forgotten else None
        changes = replacing(staged(rows, stage, stages, place), place, ids)
        return [text_of(change, DIALECT) for change in changes]

    def _alone(self) -> AbstractContextManager[None]:
        """Hold what one transaction from here holds at a time: BigQuery ends one of two that change the receipts."""
        lock = self.data_dir / "state" / "locks" / f"transactions-{self.name}.lock"
        return locked(lock, f"a transaction of {self.name}", _TURN_SECONDS)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with session(f"target {self.name} ({self.place})", self.settings, self.settings.service_account) as own:
            yield own
