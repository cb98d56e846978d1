"""A partition into a table in one commit: new files in, those with rows that give way out, their rests rewritten.

The commit is refused if another one came between; then all is compared anew.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    LessThanOrEqual,
)
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask
from pyiceberg.table import Table as IcebergTable

from optimove_pipeline.targets.errors import UnreachableError
from optimove_pipeline.targets.iceberg.files import by_partition, read, remove, write
from optimove_pipeline.targets.iceberg.matching import Comparison, compare, compared
from optimove_pipeline.targets.iceberg.receipts import forgotten, is_outdated, is_without, newest, receipt_of
from optimove_pipeline.targets.iceberg.schemas import as_arrow, ensured
from optimove_pipeline.targets.table import STAMP, Replace, Rows

_TRIES = 8
_PAUSE = 0.05
_NONE = pl.Series(dtype=pl.Int64)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a commit does to the files of a table, and to its properties."""

    added: list[DataFile] = field(default_factory=list)
    dropped: list[DataFile] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)


def load(catalog: Catalog, namespace: str, rows: Rows) -> IcebergTable:
    """Load a partition whole, with its receipt, and return the table; what is missing there is created.

    Raises:
        TargetError: a column has another type there.
        UnreachableError: others commit to the table all the time.
    """
    for attempt in range(_TRIES):
        try:
            found = ensured(catalog, namespace, rows.table)
            _load_once(found, rows)
        except CommitFailedException:
            logger.info("%s: another commit came between, comparing anew", rows.table.name)
            time.sleep(_PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - spreads the tries
        else:
            return found
    raise UnreachableError(
        f"{rows.table.name}: others committed to it {_TRIES} times while {rows.partition} was loaded"
    )


def _load_once(found: IcebergTable, rows: Rows) -> None:
    change, is_prepared = _Change(), False
    try:
        _prepare(found, rows, change)
        is_prepared = True
        _commit(found, rows, change)
    except Exception as error:
        # Of a commit that failed in any other way nobody knows whether the table has its files.
        if not is_prepared or isinstance(error, CommitFailedException):
            remove(found.io, [file.file_path for file in change.added])
        raise


def _prepare(found: IcebergTable, rows: Rows, change: _Change) -> None:
    """Write the files of a change."""
    change.properties.update(forgotten(rows.forgotten))
    if rows.table.replace is Replace.KEYS:
        _upsert(found, rows, change)
    elif rows.table.replace is Replace.PARTITION:
        _replace_partition(found, rows, change)
        write(found, _arriving(found, rows), change.added)
    elif is_outdated(found, rows.partition):
        _forget(found, rows, _tasks(found) if _is_to_forget(found, rows) else [], change)
    else:
        change.properties.update(newest(rows.partition))
        change.dropped.extend(task.file for task in _tasks(found))
        write(found, _arriving(found, rows), change.added)


def _upsert(found: IcebergTable, rows: Rows, change: _Change) -> None:
    with compared(rows) as comparison:
        if _is_to_forget(found, rows):
            tasks = _tasks(found)
        else:
            bounds = comparison.bounds()
            tasks = _tasks(found, _between(bounds)) if bounds else []
        _make_room(found, tasks, comparison, change)
        outdated = comparison.outdated()
    write(found, _arriving(found, rows, outdated), change.added)


def _replace_partition(found: IcebergTable, rows: Rows, change: _Change) -> None:
    own = _tasks(found, EqualTo(term=STAMP, value=rows.partition))
    whole = [task.file for task in own if task.residual == AlwaysTrue()]
    change.dropped.extend(whole)
    left = _tasks(found) if _is_to_forget(found, rows) else own
    _forget(found, rows, [task for task in left if task.file not in whole], change)


def _forget(found: IcebergTable, rows: Rows, tasks: list[FileScanTask], change: _Change) -> None:
    """Take the rows of forgotten customers out of files, and those of the same partition."""
    if not tasks:
        return
    with compared(rows) as comparison:
        own = rows.partition if rows.table.replace is Replace.PARTITION else None
        _make_room(found, tasks, comparison, change, own)


def _is_to_forget(found: IcebergTable, rows: Rows) -> bool:
    return bool(rows.forgotten) and not is_without(found, rows.forgotten)


def _make_room(
    found: IcebergTable,
    tasks: list[FileScanTask],
    comparison: Comparison,
    change: _Change,
    partition: str | None = None,
) -> None:
    """Take the rows that give way out of files; what else these hold is written anew."""
    compare(comparison, found, tasks, partition)
    going = {tasks[number].file.file_path: positions for number, positions in comparison.touched().items()}
    touched = [task for task in tasks if task.file.file_path in going]
    change.dropped.extend(task.file for task in touched)
    left = (each for task in touched for each in _left(found, task, going[task.file.file_path]))
    if found.spec().is_unpartitioned():
        write(found, left, change.added)
        return
    for rest in left:
        write(found, [rest], change.added)


def _left(found: IcebergTable, task: FileScanTask, going: pl.Series) -> Iterator[pa.Table]:
    """Yield the rows of a file that stay, by partition."""
    if len(going) == task.file.record_count and not task.delete_files:
        return
    rows = pa.Table.from_batches(read(found, task, found.schema()))
    stays = ~pl.int_range(rows.num_rows, dtype=pl.Int64, eager=True).is_in(going.implode())
    yield from by_partition(found, rows.filter(stays.to_arrow()))


def _arriving(found: IcebergTable, rows: Rows, outdated: pl.Series = _NONE) -> Iterator[pa.Table]:
    """Yield the rows of the partition but the outdated."""
    start = 0
    for frame in rows.frames():
        ordinals = pl.int_range(start, start + frame.height, dtype=pl.Int64, eager=True)
        stays = ~ordinals.is_in(outdated.filter(outdated.is_between(start, start + frame.height)).implode())
        start += frame.height
        yield as_arrow(frame.filter(stays), found.schema(), rows.partition)


def _tasks(found: IcebergTable, only: BooleanExpression | None = None) -> list[FileScanTask]:
    """Return the data files that may hold rows of interest, those of one partition side by side."""
    tasks = found.scan(row_filter=only or AlwaysTrue()).plan_files()
    return sorted(tasks, key=lambda task: task.file.file_path)


def _between(bounds: dict[str, tuple[Any, Any]]) -> BooleanExpression:
    """Return the filter that leaves files out whose keys are all below or above those that arrive."""
    found: BooleanExpression = AlwaysTrue()
    for name, (lowest, highest) in bounds.items():
        if type(lowest) in (str, int, date):
            found = And(found, GreaterThanOrEqual(term=name, value=lowest), LessThanOrEqual(term=name, value=highest))
    return found


def _commit(found: IcebergTable, rows: Rows, change: _Change) -> None:
    with found.transaction() as transaction:
        transaction.set_properties(change.properties)
        snapshot = transaction.update_snapshot(snapshot_properties=receipt_of(rows))
        with snapshot.overwrite() if change.dropped else snapshot.merge_append() as producer:
            for file in change.added:
                producer.append_data_file(file)
            for file in change.dropped:
                producer.delete_data_file(file)
