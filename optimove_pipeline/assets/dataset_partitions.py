"""What the stages do with one partition of a data set, and what they tell of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from optimove_pipeline.assets.metadata import column_schema, preview
from optimove_pipeline.assets.outcomes import Skipped
from optimove_pipeline.assets.rebuilt import REBUILT
from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.datasets.dataset import Dataset, Load
from optimove_pipeline.datasets.earlier import delivered_before
from optimove_pipeline.datasets.extraction import Extracted, extract_dataset
from optimove_pipeline.datasets.forgotten import forgotten_in
from optimove_pipeline.datasets.history import partition_window
from optimove_pipeline.datasets.known import DATASET, known_of
from optimove_pipeline.datasets.sources.file_lists import has_date
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.datasets.windows import newest_closed, readable_from
from optimove_pipeline.errors import BusyError, PartitionError
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.session import Session
from optimove_pipeline.stages.publish import publish, publish_quarantine

logger = logging.getLogger(__name__)


def extract_partition(session: Session, dataset: Dataset, partition: date) -> Extracted:
    """Read a partition from its source, once its time has passed and late commits have had theirs.

    Raises:
        SettingsError: the settings do not fit the source.
        PartitionError: it can't be read yet, or any more, or the source gives no answer.
    """
    settings = session.settings
    readable = readable_from(settings.datasets, partition, settings.zone)
    if readable > datetime.now(UTC):
        raise PartitionError(
            f"{DATASET}/{dataset.name} of {partition_key(partition)} can be read from {readable:%Y-%m-%d %H:%M} UTC "
            "on, when its time has passed and late commits have had theirs (datasets.delay_minutes)"
        )
    own, source = settings.datasets.of(dataset.name), session.sources.of(dataset.name)
    window = partition_window(settings, dataset, partition) if dataset.load is Load.CHANGES else None
    return extract_dataset(dataset, own, source, partition, window, session.staging, zone=settings.zone)


def extraction_metadata(done: Extracted) -> dict[str, Any]:
    """Return what a person is told of a partition that was read."""
    return {
        "dagster/row_count": done.rows,
        "rows counted at the source": done.source_rows,
        "rows without a moment of change": done.without_change,
        "newest change": done.newest_change.isoformat(" ") if done.newest_change else "none",
        "columns not at the source": ", ".join(done.missing_columns) or "none",
        "seconds": round(done.seconds, 3),
        **({"as it was": REBUILT} if done.rebuilt else {}),
    }


def past_snapshots(session: Session, dataset: Dataset, partitions: Sequence[date], upstream: str) -> Skipped:
    """Return the partitions of a data set that holds all rows which are past, and not held at the stage ``upstream``.

    They can't be had any more.
    """
    past, held = unreadable_snapshots(session, dataset, partitions), session.staging.days(upstream, dataset.name)
    return Skipped(tuple(each for each in past.days if each not in held), past.reason)


def unreadable_snapshots(session: Session, dataset: Dataset, partitions: Sequence[date]) -> Skipped:
    """Return the partitions of a data set that holds all rows which are past, so that its source has them no more."""
    if dataset.load is not Load.SNAPSHOT or _has_files_by_day(session, dataset):
        return Skipped()
    closed = newest_closed(partitions[0], datetime.now(UTC), session.settings.zone)
    past = tuple(each for each in partitions if each < closed)
    return Skipped(past, f"{dataset.title} can only be had as it is now, which is {partition_key(closed)}.")


def _has_files_by_day(session: Session, dataset: Dataset) -> bool:
    table = session.settings.datasets.of(dataset.name).table
    return table is not None and has_date(table)


def validate_partition(optimove: OptimoveResource, dataset: Dataset, partition: date) -> DatasetValidation:
    """Validate a partition against what is known of others. Raises as ``known_of`` and ``validate_dataset`` do."""
    session = optimove.session
    forgotten = forgotten_in(session.settings, dataset, session.staging)
    counted = delivered_before(session.settings, dataset, partition, session.staging)
    with optimove.warehouse.open(f"reading what {dataset.name} refers to") as connection:
        known = known_of(dataset, partition, session.staging, connection, forgotten=forgotten, counted=counted)
    own = session.settings.datasets.of(dataset.name)
    return validate_dataset(dataset, partition, session.staging, own, known, now=datetime.now(UTC))


def show_quarantine(optimove: OptimoveResource, dataset: Dataset, partition: date) -> None:
    """Show the broken rows of a partition that is held back in the warehouse, if it can be had."""
    session = optimove.session
    try:
        publish_quarantine(dataset, partition, session.staging, optimove.warehouse, session.run_id)
    except BusyError as error:
        named = partition_key(partition)
        logger.warning("The quarantine of %s of %s is not shown yet: %s", dataset.name, named, error)


def validation_metadata(
    session: Session, dataset: Dataset, partition: date, validation: DatasetValidation
) -> dict[str, Any]:
    """Return what a person is told of a partition that was validated."""
    held = session.staging.open("validated", dataset.name, partition)
    return {
        "dagster/row_count": validation.rows,
        "rows received": validation.rows_in,
        "rows in quarantine": validation.quarantined,
        "rows in quarantine before": validation.quarantined_before,
        "rows repeated": validation.repeated_rows,
        "rows delivered before": validation.already_delivered,
        "rows of forgotten customers": validation.suppressed,
        "broken rules": validation.by_rule,
        "repairs": validation.repaired,
        "warnings": validation.warned,
        "dagster/column_schema": column_schema(dataset, validation.columns),
        "preview": preview(dataset, held, personal=session.settings.warehouse.preview),
    }


def publish_partitions(
    optimove: OptimoveResource, dataset: Dataset, partitions: Sequence[date]
) -> dict[date, dict[str, Any]]:
    """Publish partitions, and return what a person is told of each. Raises as ``publish`` does."""
    session = optimove.session
    done = publish(dataset, partitions, session.staging, optimove.warehouse, session.run_id)
    return {each: {"dagster/row_count": done.rows[each], "dagster/table_name": done.table} for each in partitions}
