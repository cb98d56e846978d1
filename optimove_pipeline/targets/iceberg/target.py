"""Iceberg tables as a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.iceberg import catalogs
from optimove_pipeline.targets.iceberg.expiry import expire
from optimove_pipeline.targets.iceberg.loading import load
from optimove_pipeline.targets.iceberg.reading import checked
from optimove_pipeline.targets.iceberg.receipts import source_of
from optimove_pipeline.targets.iceberg.schemas import ensured, name_of
from optimove_pipeline.targets.iceberg.steps import program_steps
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline.targets.table import Rows, Table


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class IcebergTarget:
    """The tables of one namespace; ``now`` tells which snapshots are too old."""

    name: str
    settings: IcebergSettings
    data_dir: Path
    now: Callable[[], datetime] = _now

    @property
    def place(self) -> str:
        """Catalog, warehouse and namespace."""
        return catalogs.place(self.settings)

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the source of what the table has of a partition, by the properties of its snapshots."""
        with catalogs.opened(self.settings, self.name, self.data_dir) as catalog:
            try:
                found = catalog.load_table((self.settings.namespace, name_of(table)))
            except (NoSuchNamespaceError, NoSuchTableError):
                return None
            return source_of(found, table, partition)

    def load(self, rows: Rows) -> None:
        """Load a partition in one commit, then expire snapshots that are too old."""
        with catalogs.opened(self.settings, self.name, self.data_dir) as catalog:
            found = load(catalog, self.settings.namespace, rows)
            expire(found, self.now() - timedelta(days=self.settings.snapshot_days))

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Create the namespace and the tables."""
        with catalogs.opened(self.settings, self.name, self.data_dir) as catalog:
            first, *others = program_steps(self.settings, tables)
            catalog.create_namespace_if_not_exists(self.settings.namespace)
            yield first
            for table, step in zip(tables, others, strict=True):
                ensured(catalog, self.settings.namespace, table)
                yield step

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Read every table with another engine, through a catalog opened anew."""
        return checked(self.settings, self.name, self.data_dir, tables)
