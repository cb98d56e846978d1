"""Which data sets a command is for, by the names that a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.errors import SettingsError

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings


def chosen_of(settings: Settings, names: Sequence[str]) -> list[Dataset]:
    """Return the data sets of these names, or all where none are given, in the order of the settings.

    Raises:
        SettingsError: no data set is configured, or one is named that is not.
    """
    every = {dataset.name: dataset for dataset in settings.chosen_datasets}
    if not every:
        raise SettingsError(
            "no data set is configured: choose a datasets.preset, or datasets.contracts, in optimove.yaml "
            "(docs/datasets.md)"
        )
    for name in names:
        if name not in every:
            near = get_close_matches(name, every, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(every)}"
            raise SettingsError(f"--dataset {name}: no such data set; {hint}")
    return [every[name] for name in every if not names or name in names]
