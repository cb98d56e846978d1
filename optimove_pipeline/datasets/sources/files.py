"""Files as a source: the list of them is fixed once, with sizes and times; what changes meanwhile is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from optimove_pipeline.datasets.sources.duck import DuckSession, in_memory, scratch, told
from optimove_pipeline.datasets.sources.file_lists import Listed, Place, filled, has_date, place_of
from optimove_pipeline.datasets.sources.file_views import make_view
from optimove_pipeline.datasets.sources.source import Origin, Selection
from optimove_pipeline.datasets.sources.sql import SqlSnapshot
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import FilesSettings


@contextmanager
def open_files(name: str, settings: FilesSettings, data_dir: Path) -> Iterator[FilesSnapshot]:
    """Yield a snapshot of the files at a location.

    Raises:
        SettingsError: there is no such folder, a secret is missing, or the credential is refused.
        PartitionError: the bucket can't be reached.
    """
    place = f"source {name} (files, {settings.location})"
    files = place_of(place, settings, data_dir)
    with scratch(data_dir) as folder, in_memory(folder) as connection:
        inner = SqlSnapshot(place, datetime.now(UTC), DuckSession(place, connection, folder))
        yield FilesSnapshot(inner, connection, settings, files, folder)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The files of an origin, and the view of their rows."""

    files: tuple[Listed, ...]
    view: Origin


@dataclass(frozen=True, slots=True)
class FilesSnapshot:
    """Files through DuckDB."""

    inner: SqlSnapshot
    connection: duckdb.DuckDBPyConnection
    settings: FilesSettings
    files: Place
    folder: Path
    known: dict[Origin, Fixed] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The source's name and location."""
        return self.inner.place

    @property
    def taken_at(self) -> datetime:
        """The moment at which the source was opened."""
        return self.inner.taken_at

    def keeps_days(self, origin: Origin) -> bool:
        """Return whether the path has the partition in it, so that each has files of its own."""
        return origin.table is not None and has_date(origin.table)

    def columns(self, origin: Origin) -> dict[str, pl.DataType]:
        """Return the columns of the files; of CSV and NDJSON all are text."""
        return self.inner.columns(self._fixed(origin).view)

    def count(self, selection: Selection) -> int:
        """Return how many rows a selection has."""
        return self.inner.count(self._viewed(selection))

    def read(self, selection: Selection) -> Iterator[pl.DataFrame]:
        """Yield the rows, and then look whether the files are still those that were listed."""
        yield from self.inner.read(self._viewed(selection))
        for file in self._fixed(selection.origin).files:
            self.files.check(file)

    def first_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """Raise SettingsError: files are not asked."""
        raise SettingsError(f"{self.place}: files can't be asked whether a day is complete: use a marker file")

    def _viewed(self, selection: Selection) -> Selection:
        return replace(selection, origin=self._fixed(selection.origin).view)

    def _fixed(self, origin: Origin) -> Fixed:
        if origin not in self.known:
            self.known[origin] = self._fix(origin, f"files_{len(self.known)}")
        return self.known[origin]

    def _fix(self, origin: Origin, name: str) -> Fixed:
        if origin.table is None:
            raise SettingsError(f"{self.place}: expected table, a pattern of paths such as customers/*.csv; no query")
        patterns = dict.fromkeys(filled(origin.table, each) for each in origin.partitions or (origin.partition,))
        # A file that two patterns name is read once.
        listed = dict.fromkeys(file for pattern in patterns for file in self._listed(pattern))
        paths = [self.files.fetched(file, self.folder) for file in listed]
        with told(self.place, origin.table if origin.partitions else next(iter(patterns))):
            make_view(self.connection, name, self.settings, paths)
        return Fixed(tuple(listed), Origin(table=name))

    def _listed(self, pattern: str) -> list[Listed]:
        listed = self.files.listed(pattern)
        if not listed:
            raise PartitionError(f"{self.place}: no file is named {pattern}: has it arrived?")
        return listed
