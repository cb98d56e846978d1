"""From packages to tables: each partition loaded once, however often and wherever a run is killed.

The ledger has one entry for a partition, as if the table were its only part. What was under way when a run ended is
settled by the target's own receipt.
"""

from __future__ import annotations

import logging
import random
import time

from optimove_pipeline.errors import PartitionError, PipelineError, SettingsError
from optimove_pipeline.file_lock import locked
from optimove_pipeline.ledger import Entry, Ledger, State, new_id
from optimove_pipeline.packages import Package
from optimove_pipeline.stages.deliver import LOCK_SECONDS, Delivered
from optimove_pipeline.targets.errors import UnreachableError
from optimove_pipeline.targets.table import Rows, TableTarget

_LONGEST_PAUSE = 60.0

logger = logging.getLogger(__name__)


def load(
    rows: Rows,
    package: Package,
    target: TableTarget,
    ledger: Ledger,
    run_id: str,
    *,
    redeliver: str | None = None,
    changed: str | None = None,
    pause: float = 1.0,
) -> Delivered:
    """Load a partition into its table at a target; one that was loaded already is not loaded again.

    ``redeliver``, ``changed`` and ``pause`` are as in ``deliver``; a reason loads the partition again in its place.

    Raises:
        PartitionError: other rows of the partition were loaded, and no reason to replace them was given.
        SettingsError: a target of that name took files before.
        TargetError: the target did not take it; nothing of it is there, and a new call tries again.
        BusyError: another process loads the same feed there for over an hour.
    """
    lock = ledger.path.parent / "locks" / f"deliver-{target.name}-{package.feed}.lock"
    with locked(lock, f"delivering {package.feed} to {target.name}", LOCK_SECONDS):
        newest = _newest(rows, package, target, ledger)
        if newest is not None and _is_done(newest, rows, redeliver):
            return _delivered(newest, package, target, sent=0)
        entry = _planned(newest, rows, package, target, ledger, run_id, redeliver or changed)
        entry = _try(entry, rows, target, ledger, run_id, pause)
    logger.info("%s of %s: %d rows in %s at %s", package.feed, package.day, rows.count, rows.table.name, target.place)
    return _delivered(entry, package, target, sent=1)


def _newest(rows: Rows, package: Package, target: TableTarget, ledger: Ledger) -> Entry | None:
    """Return the newest entry; where a run ended before it, the target's receipt tells what became of it."""
    entries = ledger.newest(target.name, package.feed, package.day)
    if not entries:
        return None
    if len(entries) > 1 or "." in entries[0].name:
        raise SettingsError(
            f"target {target.name} got files of {package.feed} before, such as {entries[0].name}, and takes tables "
            "now: give it a name of its own, under which nothing was delivered yet"
        )
    entry = entries[0]
    # A later version may be of rows whose receipt an earlier one left: it is loaded again, which changes nothing.
    if entry.attempts == 0 or entry.version > 1 or entry.state is State.DELIVERED:
        return entry
    return ledger.deliver(entry) if target.receipt(rows.table, rows.partition) == entry.sha256 else entry


def _is_of(entry: Entry, rows: Rows) -> bool:
    """Return whether an entry is of just these rows, in this table."""
    return entry.sha256 == rows.source and entry.name == rows.table.name


def _is_done(newest: Entry, rows: Rows, redeliver: str | None) -> bool:
    is_asked_anew = redeliver is not None and newest.reason != redeliver
    return newest.state is State.DELIVERED and _is_of(newest, rows) and not is_asked_anew


def _planned(
    newest: Entry | None,
    rows: Rows,
    package: Package,
    target: TableTarget,
    ledger: Ledger,
    run_id: str,
    reason: str | None,
) -> Entry:
    """Return the entry that is to be loaded, recorded."""
    version, replaced = 1, list[Entry]()
    if newest is not None and newest.state is State.DELIVERED:
        version, reason = newest.version + 1, reason or _reason(newest, rows, target)
    elif newest is not None:
        if _is_of(newest, rows):
            return newest
        version, reason, replaced = newest.version, reason or newest.reason, [newest]
    entry = Entry(
        id=new_id(),
        target=target.name,
        feed=package.feed,
        day=package.day,
        version=version,
        part=1,
        name=rows.table.name,
        rows=rows.count,
        bytes=package.bytes,
        sha256=rows.source,
        run_id=run_id,
        reason=reason,
    )
    return ledger.plan([entry], instead_of=replaced)[0]


def _reason(delivered: Entry, rows: Rows, target: TableTarget) -> str:
    """Return why a partition that was delivered is loaded again, where nobody gave a reason: its table is another.

    Raises:
        PartitionError: it is the same table, so that a person must give the reason.
    """
    if delivered.name == rows.table.name:
        raise PartitionError(
            f"{delivered.feed} of {rows.partition}: other rows of it are in {delivered.name} at {target.name}, "
            "and the package was changed since: redeliver it with a reason, which loads it again in its place"
        )
    return f"the table is {rows.table.name} now, and was {delivered.name}"


def _try(entry: Entry, rows: Rows, target: TableTarget, ledger: Ledger, run_id: str, pause: float) -> Entry:
    """Load until it is done, or the attempts are used up."""
    for attempt in range(1, target.attempts + 1):
        entry = ledger.begin(entry, run_id)
        try:
            target.load(rows)
        except PipelineError as error:
            entry = ledger.fail(entry, str(error), in_doubt=True)
            if not isinstance(error, UnreachableError) or attempt == target.attempts:
                raise
            logger.warning("%s of %s: try %d of %d: %s", entry.feed, rows.partition, attempt, target.attempts, error)
            time.sleep(min(pause * 2 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1))  # noqa: S311 - spreads the tries, guards no secret
        else:
            break
    return ledger.deliver(entry)


def _delivered(entry: Entry, package: Package, target: TableTarget, sent: int) -> Delivered:
    return Delivered(
        target=target.name,
        place=target.place,
        version=entry.version,
        files=(entry.name,),
        sent=sent,
        rows=entry.rows,
        bytes=package.bytes,
    )
