"""A feed as a table: its columns and types, and the rows of a partition as they are loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from optimove_pipeline.datasets.dataset import ContractColumn, Dataset, Load
from optimove_pipeline.feeds import Feed
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.settings.packages import PackageOptions, Packaging
from optimove_pipeline.stages.formats.fields import Field, fields_of
from optimove_pipeline.stages.formats.parquet_parts import parquet_frame
from optimove_pipeline.stages.formats.writing import typed_frames
from optimove_pipeline.stages.leaving_out import NOBODY, Forgotten, find_left_out
from optimove_pipeline.staging import Partition
from optimove_pipeline.targets.table import Replace, Rows, Table, TableColumn


def table_of(feed: Feed, options: PackageOptions, partition: Partition | None = None) -> Table:
    """Return the table of a feed: the contract's columns in their order, then those that only a partition has.

    Values are those of Parquet files, and so are their types: ``packages`` and the contract say which.

    Raises:
        SettingsError, ContractError: as ``fields_of`` does.
    """
    fields, packaging = _fields(feed, options, partition)
    empty = pl.DataFrame(schema={field.name: field.dtype for field in fields})
    types = _as_in_tables(parquet_frame(empty, fields, packaging)).schema
    stamped = feed.stamp.name if feed.stamp.name in types else None
    key = (*([stamped] if stamped and stamped not in feed.key else []), *feed.key)
    return Table(
        feed=feed.name,
        name=options.table,
        columns=tuple(_column(feed, name, dtype, key) for name, dtype in types.items()),
        key=key,
        unique=feed.unique,
        replace=_replace(feed),
        changed=feed.change_column if isinstance(feed, Dataset) else None,
        customer=customer_column(feed),
    )


def rows_of(
    feed: Feed,
    options: PackageOptions,
    partition: Partition,
    made: Package,
    run_id: str,
    forgotten: Forgotten = NOBODY,
) -> Rows:
    """Return the validated rows of a partition that ``made`` is the package of; those of forgotten customers not.

    Raises:
        SettingsError, ContractError: as ``fields_of`` and ``find_left_out`` do, and ``frames`` for a number that has
            too many digits.
    """
    table = replace(table_of(feed, options, partition), customer=forgotten.column)
    fields, packaging = _fields(feed, options, partition)
    left_out = find_left_out(partition, forgotten.column, forgotten.ids)

    def frames() -> Iterator[pl.DataFrame]:
        for frame in typed_frames(partition, fields, left_out):
            yield _as_in_tables(parquet_frame(frame, fields, packaging))

    return Rows(
        table=table,
        partition=partition_key(partition.day),
        source=made.content,
        count=partition.rows - left_out.rows,
        run_id=run_id,
        window=made.window,
        frames=frames,
        forgotten=forgotten.ids,
    )


def customer_column(feed: Feed) -> str | None:
    """Return the column of a feed that holds the customer's id; None if it has none."""
    if isinstance(feed, Dataset):
        return feed.customer_column
    return "customer_id" if feed.column("customer_id") else None


def _fields(feed: Feed, options: PackageOptions, partition: Partition | None) -> tuple[tuple[Field, ...], Packaging]:
    packaging = options.packaging
    parquet = packaging.parquet.model_copy(update={"times": "naive"})
    as_table = packaging.model_copy(update={"format": "parquet", "parquet": parquet})
    stamped = () if isinstance(feed, Dataset) else (feed.stamp,)
    columns = {column.name: str(column.kind.dtype) for column in (*stamped, *feed.columns)}
    if partition is not None:
        columns |= partition.columns
    return fields_of(feed, columns, PackageOptions(options.table, options.fields, as_table)), as_table


def _as_in_tables(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in the few types that tables have: times without a zone, as in text, and two widths of integers."""
    return frame.with_columns(
        cs.datetime().dt.replace_time_zone(None),
        cs.by_dtype(pl.Int32, pl.UInt32).cast(pl.Int64),
        cs.by_dtype(pl.UInt64, pl.Int128).cast(pl.Decimal(38, 0)),
    )


def _column(feed: Feed, name: str, dtype: pl.DataType, key: Collection[str]) -> TableColumn:
    column = feed.column(name)
    return TableColumn(
        name,
        dtype,
        required=name in key or bool(column and column.required),
        length=column.length if isinstance(column, ContractColumn) else None,
    )


def _replace(feed: Feed) -> Replace:
    if not isinstance(feed, Dataset):
        return Replace.PARTITION
    return Replace.ALL if feed.load is Load.SNAPSHOT else Replace.KEYS
