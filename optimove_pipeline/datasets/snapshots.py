"""The snapshots of a run: each source is opened once, when the first data set reads it, and seen alike by all."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import Snapshot
from optimove_pipeline.errors import SettingsError

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings


class Snapshots:
    """Opens the sources of the settings, and holds them open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._open: dict[str, Snapshot] = {}

    def of(self, dataset: str) -> Snapshot:
        """Return the snapshot of a data set's source, by the data set's name.

        Raises:
            SettingsError: the data set has no source, or it can't be used.
            PartitionError: the source can't be reached.
        """
        name = self._settings.datasets.of(dataset).source
        if name is None:
            raise SettingsError(
                f"datasets.each.{dataset}.source: {dataset} has no source: name one of `sources` there, or for all "
                "data sets in datasets.source"
            )
        if name not in self._open:
            source = open_source(name, self._settings.sources[name], self._settings.data_dir)
            self._open[name] = self._stack.enter_context(source)
        return self._open[name]

    def close(self) -> None:
        """Close what is open; safe to call twice."""
        self._open.clear()
        self._stack.close()
