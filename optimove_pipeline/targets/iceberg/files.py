"""The data files of a table: written a few frames at a time, read one by one."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from itertools import count

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import ArrowScan, write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, WriteTask
from pyiceberg.table import Table as IcebergTable

from optimove_pipeline.targets.table import STAMP

ROWS = 245_760
"""Rows of a data file: two frames. A file is in memory as a whole while it is written or read."""

logger = logging.getLogger(__name__)


def write(table: IcebergTable, rows: Iterable[pa.Table], written: list[DataFile]) -> None:
    """Write rows of one partition, or of an unpartitioned table, adding each file to ``written`` once it is whole."""
    name, numbers = uuid.uuid4(), count()
    for group in _grouped(rows):
        task = WriteTask(
            write_uuid=name,
            task_id=next(numbers),
            schema=table.schema(),
            record_batches=group.to_batches(),
            partition_key=_partition_key(table, group),
        )
        written.extend(write_file(table.io, table.metadata, iter([task])))


def read(table: IcebergTable, task: FileScanTask, schema: Schema) -> Iterator[pa.RecordBatch]:
    """Yield all rows of a data file, in their order, with the columns of ``schema``."""
    return ArrowScan(table.metadata, table.io, schema, AlwaysTrue()).to_record_batches([task])


def by_partition(table: IcebergTable, rows: pa.Table) -> Iterator[pa.Table]:
    """Yield rows by the partition that they were loaded with; an unpartitioned table has them in one."""
    if table.spec().is_unpartitioned():
        yield rows
        return
    for partition in rows[STAMP].unique().to_pylist():
        yield rows.filter(pa.compute.equal(rows[STAMP], partition))


def remove(io: FileIO, paths: Iterable[str]) -> int:
    """Remove files, and return how many; those that can't be removed are told of and left."""
    removed = 0
    for path in paths:
        try:
            io.delete(path)
        except OSError as error:
            logger.warning("%s: can't be removed (%s); nothing refers to it any more", path, type(error).__name__)
        else:
            removed += 1
    return removed


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of ``ROWS``, the last of what is left."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        while sum(each.num_rows for each in held) >= ROWS:
            joined = pa.concat_tables(held)
            yield joined.slice(0, ROWS)
            held = [joined.slice(ROWS)]
    if any(each.num_rows for each in held):
        yield pa.concat_tables(held)


def _partition_key(table: IcebergTable, rows: pa.Table) -> PartitionKey | None:
    spec = table.spec()
    if spec.is_unpartitioned():
        return None
    (field,) = spec.fields
    return PartitionKey([PartitionFieldValue(field, rows[STAMP][0].as_py())], spec, table.schema())
