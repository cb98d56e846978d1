"""By which column of a data set the rows of forgotten customers are known, and by which of its values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import polars as pl
from duckdb import DuckDBPyConnection

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import DATASET
from optimove_pipeline.datasets.reading import as_texts
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.stages.leaving_out import NOBODY, Forgotten
from optimove_pipeline.staging import Staging
from optimove_pipeline.suppression import suppressed
from optimove_pipeline.tables import types_of
from optimove_pipeline.warehouse import Warehouse, quoted

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

Look = Callable[[], AbstractContextManager[DuckDBPyConnection]]
"""Opens the warehouse."""


def forgotten_of(
    dataset: Dataset,
    datasets: Sequence[Dataset],
    staging: Staging,
    look: Look,
    ids: Collection[str],
) -> Forgotten:
    """Return by what the rows of the customers with these ``ids`` are known in a data set.

    By the customer's id; in a data set without it by the first column that refers to one of ``datasets`` that has it,
    as an order's items do to the order. Which orders were a forgotten customer's is told by those published before,
    and by all that were read and are held yet (the stage ``dataset``): since then they are in no table. ``look`` is
    called only where that is needed.

    Raises:
        BusyError: another process holds the warehouse.
    """
    if dataset.customer_column is not None:
        return Forgotten(dataset.customer_column, ids)
    owners = {each.name: each for each in datasets if each.customer_column is not None}
    for column in dataset.columns:
        name, _, referred = (column.reference or "").partition(".")
        if name in owners:
            return Forgotten(column.name, _owned(owners[name], referred, staging, look, ids))
    return NOBODY


def forgotten_in(settings: Settings, dataset: Dataset, staging: Staging) -> Forgotten:
    """Return by what the rows of the customers on the list are known in a data set. Raises as ``forgotten_of``."""
    warehouse = Warehouse(settings.warehouse_path, lock_timeout=settings.warehouse.lock_timeout_seconds)
    return forgotten_of(
        dataset,
        settings.chosen_datasets,
        staging,
        lambda: warehouse.open(f"reading whose {dataset.name} are to be forgotten"),
        suppressed(settings.data_dir),
    )


def _owned(owner: Dataset, referred: str, staging: Staging, look: Look, customers: Collection[str]) -> frozenset[str]:
    if not customers or owner.customer_column is None:
        return frozenset()
    if referred == owner.customer_column:
        return frozenset(customers)
    ids, names = pl.Series(sorted(customers), dtype=pl.String), [owner.customer_column, referred]
    with look() as connection:
        published = _published(connection, owner, names, ids)
    return frozenset(published).union(*_read(owner, names, staging, ids))


def _published(connection: DuckDBPyConnection, owner: Dataset, names: list[str], ids: pl.Series) -> list[str]:
    if not types_of(connection, owner.table_name).keys() >= {*names}:
        return []
    customer, referred = map(quoted, names)
    query = (
        f"SELECT DISTINCT {referred}::VARCHAR FROM {quoted(owner.table_name)} "  # noqa: S608 - quoted
        f"WHERE {customer}::VARCHAR IN (SELECT unnest(?)) AND {referred} IS NOT NULL"
    )
    return [value for (value,) in connection.execute(query, [ids.to_list()]).fetchall()]


def _read(owner: Dataset, names: list[str], staging: Staging, ids: pl.Series) -> Iterator[list[str]]:
    for each in staging.partitions(DATASET, owner.name):
        partition = staging.find(DATASET, owner.name, each)
        if partition is not None and partition.columns.keys() >= {*names}:
            for frame in frames(partition, names):
                texts = as_texts(frame).select(pl.all().str.strip_chars())
                yield texts.filter(texts[names[0]].is_in(ids.implode()))[names[1]].drop_nulls().to_list()
