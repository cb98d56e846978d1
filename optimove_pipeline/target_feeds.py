"""Which feeds the settings send to a target, and the tables that they make there."""

from __future__ import annotations

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.packaging import options_of
from optimove_pipeline.feeds import Feed
from optimove_pipeline.stages.table_rows import table_of
from optimove_pipeline.targets.table import Table


def used_targets(settings: Settings) -> list[str]:
    """Return the names of the targets that a selected report or data set is delivered to."""
    return sorted({name for feed in _feeds(settings) for name in _targets_of(settings, feed)})


def tables_at(settings: Settings, target: str) -> list[Table]:
    """Return the tables of all selected reports and data sets that are delivered to a target, by its name.

    Raises:
        SettingsError, ContractError: as ``table_of`` does.
    """
    return [_table(settings, feed) for feed in _feeds(settings) if target in _targets_of(settings, feed)]


def _feeds(settings: Settings) -> list[Feed]:
    return [*settings.reports.selected(), *settings.chosen_datasets]


def _targets_of(settings: Settings, feed: Feed) -> tuple[str, ...]:
    return settings.delivery.of(feed.name, is_report=not isinstance(feed, Dataset))


def _table(settings: Settings, feed: Feed) -> Table:
    options = options_of(settings, feed) if isinstance(feed, Dataset) else settings.packages.of(feed.name)
    return table_of(feed, options)
