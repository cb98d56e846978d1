"""How the packages of a data set are made: its contract's table, format and forms, and the settings before them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.history import NAME
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.settings.packages import PackageOptions


def options_of(settings: Settings, dataset: Dataset, partition: date | None = None) -> PackageOptions:
    """Return how a data set is packaged; the files of a month of history have names of their own."""
    forms = {column.name: column.form for column in dataset.columns if column.form is not None}
    options = settings.packages.of(dataset.name, table=dataset.table, format=dataset.format, fields=forms)
    if isinstance(partition, Month):
        return replace(options, packaging=options.packaging.model_copy(update={"name": NAME}))
    return options
