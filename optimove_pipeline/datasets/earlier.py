"""Which earlier partitions of a data set count as delivered, so that their rows are not sent again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.history import history_windows
from optimove_pipeline.datasets.known import reaches_back_to
from optimove_pipeline.datasets.windows import ended_by
from optimove_pipeline.delivered_packages import has
from optimove_pipeline.ledger import Ledger, State, ledger_file
from optimove_pipeline.ledger_records import Records
from optimove_pipeline.packages import find_package, package_folder
from optimove_pipeline.partition_keys import partition_key, partition_of
from optimove_pipeline.stages.validate import VALIDATED
from optimove_pipeline.staging import Partition, Staging

if TYPE_CHECKING:
    from optimove_pipeline.config import Settings

COMPARED = Records("compared_partitions", {"feed": "TEXT", "day": "TEXT", "earlier": "TEXT"})
"""With which earlier partitions each was compared; ``earlier`` are their keys, with spaces between."""

_UNTOUCHED = frozenset({State.PLANNED, State.FAILED})


def delivered_before(settings: Settings, dataset: Dataset, day: date, staging: Staging) -> tuple[date, ...] | None:
    """Return the earlier partitions whose rows a partition need not send; None if the data set has no targets.

    One counts once the ledger has all of its files delivered at every target, and they are made of the rows that it
    has now. One that is merely validated or published does not: it may be held back yet, and its rows would be lost,
    while a row that is sent twice is the same at the receiver. So the days of one run over a range repeat the rows of
    their overlap, since all of them are validated before the first is delivered.

    A partition of which a target may have seen something is compared with those that it was compared with at first,
    so that it is made alike again, whatever was delivered since.

    Raises:
        PartitionError: the partition was never extracted.
        SettingsError, BusyError: as the ledger does.
    """
    targets = settings.delivery.of(dataset.name, is_report=False)
    since = reaches_back_to(dataset, day, staging)
    if not targets:
        return None
    ledger = Ledger(ledger_file(settings.data_dir))
    begun = any(entry.state not in _UNTOUCHED for name in targets for entry in ledger.newest(name, dataset.name, day))
    kept = _kept(ledger.path, dataset.name, day) if begun else None
    if kept is not None or since is None:
        return kept or ()
    found = tuple(
        held.day
        for held in _candidates(settings, dataset, day, staging, since)
        if all(_is_delivered(settings, held, ledger, name) for name in targets)
    )
    with COMPARED.opened(ledger.path) as connection:
        COMPARED.add(connection, dataset.name, partition_key(day), " ".join(map(partition_key, found)))
    return found


def _kept(path: Path, feed: str, day: date) -> tuple[date, ...] | None:
    query = "SELECT earlier FROM compared_partitions WHERE feed = ? AND day = ? ORDER BY number DESC LIMIT 1"
    with COMPARED.opened(path) as connection:
        found = connection.execute(query, (feed, partition_key(day))).fetchone()
    return None if found is None else tuple(map(partition_of, found[0].split()))


def _candidates(
    settings: Settings, dataset: Dataset, day: date, staging: Staging, since: datetime
) -> Iterator[Partition]:
    """Yield the validated partitions that may hold rows of the same window."""
    for earlier in [*history_windows(settings), *staging.days(VALIDATED, dataset.name)]:
        # By their keys: a data set that became hourly has days and hours.
        if partition_key(earlier) < partition_key(day) and ended_by(earlier) > since:
            held = staging.find(VALIDATED, dataset.name, earlier)
            if held is not None:
                yield held


def _is_delivered(settings: Settings, held: Partition, ledger: Ledger, target: str) -> bool:
    made = find_package(package_folder(settings.packages_folder, held.feed, held.day))
    # Validated again since: what was delivered may be something else.
    if made is None or any(file.stat().st_mtime > made.created_at.timestamp() for file in held.files):
        return False
    return has(ledger, target, made)
