"""From validated partitions to DuckDB: a day's rows replaced in one transaction, its quarantine with them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from duckdb import DuckDBPyConnection

from optimove_pipeline.feeds import Feed, Kind
from optimove_pipeline.stages.quarantine import schema_of
from optimove_pipeline.stages.validate import QUARANTINE, VALIDATED, validation_of
from optimove_pipeline.staging import Partition, Staging
from optimove_pipeline.tables import Table, prepare, replace_partition
from optimove_pipeline.warehouse import Warehouse, transaction

logger = logging.getLogger(__name__)

_KINDS = {str(kind.dtype): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did: rows by day in ``table`` and in ``quarantine_table``.

    ``changes`` maps the columns that the table did not have, or not of that type, to their SQL types.
    """

    table: str
    quarantine_table: str
    rows: dict[date, int] = field(default_factory=dict)
    quarantined: dict[date, int] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)


def publish(
    feed: Feed, days: Sequence[date], staging: Staging, warehouse: Warehouse, run_id: str, *, together: bool = False
) -> Published:
    """Replace days of a feed in its table, and their broken rows in ``quarantine.<feed>``.

    Each day is a transaction of its own, or all days are one where ``together``. Rows carry ``_loaded_at`` (UTC,
    naive) and ``_run_id``. Publishing a day again gives the same table.

    Raises:
        PartitionError: a day has no validated partition; nothing is written.
        BusyError: another process holds the warehouse.
    """
    partitions = [staging.open(VALIDATED, feed.name, day) for day in days]
    published = Published(feed.table_name, f"quarantine.{feed.name}")
    with warehouse.open(f"publishing {feed.name}") as connection:
        # Threads write row groups of their own, so order costs them: kept, a second thread gained nothing.
        connection.execute("SET preserve_insertion_order = false")
        for group in [partitions] if together else [[partition] for partition in partitions]:
            with transaction(connection):
                _publish(connection, feed, group, staging, run_id, published)
    return published


def publish_quarantine(feed: Feed, day: date, staging: Staging, warehouse: Warehouse, run_id: str) -> int:
    """Replace a day of ``quarantine.<feed>`` alone, for a day that is held back; return its rows.

    Raises:
        PartitionError: the day has no quarantine partition.
        BusyError: another process holds the warehouse.
    """
    partition = staging.open(QUARANTINE, feed.name, day)
    with warehouse.open(f"quarantining {feed.name}") as connection, transaction(connection):
        return _replace_quarantine(connection, feed, partition, run_id)


def _publish(
    connection: DuckDBPyConnection,
    feed: Feed,
    partitions: list[Partition],
    staging: Staging,
    run_id: str,
    published: Published,
) -> None:
    for partition in partitions:
        published.changes.update(prepare(connection, _table(feed, partition)))
    for partition in partitions:
        published.rows[partition.day] = _replace(connection, feed, published.table, partition, run_id)
        broken = staging.find(QUARANTINE, feed.name, partition.day)
        if broken is not None:
            published.quarantined[partition.day] = _replace_quarantine(connection, feed, broken, run_id)
        logger.info("%s: %d rows of %s", published.table, published.rows[partition.day], partition.day)


def _table(feed: Feed, partition: Partition) -> Table:
    return Table(
        name=feed.table_name,
        columns={name: _KINDS[dtype].sql_type for name, dtype in partition.columns.items()},
        stamp=feed.stamp.name,
        empty=frozenset(validation_of(partition).empty_columns),
        comment=feed.title,
        column_comments={column.name: column.description for column in feed.columns if column.description},
    )


def _replace_quarantine(connection: DuckDBPyConnection, feed: Feed, partition: Partition, run_id: str) -> int:
    table = Table(
        name=f"quarantine.{feed.name}",
        columns={name: _KINDS[str(dtype)].sql_type for name, dtype in schema_of(feed).items()},
        stamp=feed.stamp.name,
        comment=f"Rows of {feed.title} that broke their contract",
    )
    prepare(connection, table)
    return _replace(connection, feed, table.name, partition, run_id)


def _replace(connection: DuckDBPyConnection, feed: Feed, table: str, partition: Partition, run_id: str) -> int:
    stamp = (feed.stamp.name, feed.stamp_of(partition.day))
    return replace_partition(connection, table, stamp, partition.files, list(partition.columns), run_id)
