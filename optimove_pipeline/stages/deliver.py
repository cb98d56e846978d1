"""From packages to targets: each part delivered exactly once, however often and wherever a run is killed.

The ledger says what was planned, begun and verified; the target says what is there. What was under way when a run
ended is decided by both: a whole file is recorded as delivered, a broken one is sent again, and a file that was
verified and is neither under its temporary nor its final name was taken by the receiver.

Where a package was made anew meanwhile, the new one takes the old one's place and names as long as the receiver
can't have seen a whole file of it. Otherwise the old one is sent to its end while its files are there, and the new
one needs a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from optimove_pipeline.delivered_packages import is_of
from optimove_pipeline.errors import PartitionError
from optimove_pipeline.file_lock import locked
from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.packages import Package
from optimove_pipeline.stages.left_parts import left_parts
from optimove_pipeline.stages.planned_files import planned_files
from optimove_pipeline.stages.sending import Item, send_all, settle
from optimove_pipeline.targets.target import Part, Target

LOCK_SECONDS = 3600.0
"""How long another process that delivers the same feed to the same target is waited for."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What delivering did: the package's ``files`` at the target, how many of them were sent just now, and rows.

    ``version`` is 1, or more where a redelivery is the newest.
    """

    target: str
    place: str
    version: int
    files: tuple[str, ...]
    sent: int
    rows: int
    bytes: int


def deliver(
    package: Package,
    target: Target,
    ledger: Ledger,
    run_id: str,
    *,
    redeliver: str | None = None,
    changed: str | None = None,
    pause: float = 1.0,
) -> Delivered:
    """Deliver a package to a target; what was delivered already is not sent again.

    ``redeliver`` is the reason why a delivered package is to be sent once more, under new names; one that was
    delivered for that very reason is not sent again. ``changed`` is the reason under which a package that was made
    anew since its delivery is sent again by itself, under new names. ``pause`` is the wait before a second try, in
    seconds; it doubles each time.

    Raises:
        PartitionError: other content of the day was delivered, or parts of it, and no reason to redeliver was given.
        TargetError: a part was not taken; what was delivered stays recorded, and a new call goes on from there.
        BusyError: another process delivers the same feed to this target for over an hour.
    """
    lock = ledger.path.parent / "locks" / f"deliver-{target.name}-{package.feed}.lock"
    with locked(lock, f"delivering {package.feed} to {target.name}", LOCK_SECONDS):
        newest = _newest(package, target, ledger)
        reason = redeliver or changed
        if reason is None and _needs_reason(package, target, newest):
            _send(left_parts(package, newest), target, ledger, run_id, pause)
            newest = ledger.newest(target.name, package.feed, package.day)
            raise PartitionError(_changed(package, target, newest))
        entries = _planned(package, target, ledger, run_id, newest, redeliver, changed)
        items = [(entry, _part(package, entry)) for entry in entries if entry.state is not State.DELIVERED]
        _send(items, target, ledger, run_id, pause)
    logger.info("%s of %s: %d files at %s", package.feed, package.day, len(entries), target.place)
    return Delivered(
        target=target.name,
        place=target.place,
        version=max((entry.version for entry in entries), default=1),
        files=tuple(entry.name for entry in entries),
        sent=len(items),
        rows=sum(entry.rows for entry in entries),
        bytes=sum(entry.bytes for entry in entries),
    )


def _send(items: Sequence[Item], target: Target, ledger: Ledger, run_id: str, pause: float) -> None:
    """Send the parts, then the manifest: who reads the manifest may rely on the parts."""
    for group in ([item for item in items if item[0].part], [item for item in items if not item[0].part]):
        if group:
            send_all(group, target, ledger, run_id, pause)


def _newest(package: Package, target: Target, ledger: Ledger) -> list[Entry]:
    """Return the files of the newest version; before any is replaced, the target is asked what became of it."""
    newest = ledger.newest(target.name, package.feed, package.day)
    made = planned_files(package, target, newest[0].version, newest[0].run_id, None) if newest else []
    replaced = newest if not _is_same(package, newest) else _other_manifest(newest, made)
    settled = {entry.id: entry for entry in settle(replaced, target, ledger)}
    return [settled.get(entry.id, entry) for entry in newest]


def _is_same(package: Package, newest: Sequence[Entry]) -> bool:
    return bool(newest) and is_of(newest, package)


def _other_manifest(newest: Sequence[Entry], made: Sequence[Entry]) -> list[Entry]:
    """Return the manifest that is not delivered, if there is another now."""
    now = {(entry.name, entry.sha256) for entry in made if not entry.part}
    left = [entry for entry in newest if not entry.part and entry.state is not State.DELIVERED]
    return [entry for entry in left if (entry.name, entry.sha256) not in now]


def _needs_reason(package: Package, target: Target, newest: Sequence[Entry]) -> bool:
    return not _is_same(package, newest) and not _is_untouched(newest, target)


def _planned(
    package: Package,
    target: Target,
    ledger: Ledger,
    run_id: str,
    newest: list[Entry],
    redeliver: str | None,
    changed: str | None,
) -> list[Entry]:
    """Return the files to be at the target, those delivered among them, recorded before any is sent."""
    if _is_same(package, newest) and not _is_asked_anew(newest, redeliver):
        return _with_manifest(package, target, ledger, run_id, newest)
    version, reason = (newest[0].version, newest[0].reason) if newest else (1, None)
    if _is_untouched(newest, target):
        made = planned_files(package, target, version, run_id, redeliver or reason)
    else:
        made = planned_files(package, target, version + 1, run_id, redeliver or changed)
    return ledger.plan(made, instead_of=[entry for entry in newest if entry.state is not State.DELIVERED])


def _with_manifest(package: Package, target: Target, ledger: Ledger, run_id: str, newest: list[Entry]) -> list[Entry]:
    """Return the files, with the manifest as it is now where another one was planned and is not delivered."""
    made = planned_files(package, target, newest[0].version, run_id, newest[0].reason)
    other = _other_manifest(newest, made)
    if not other:
        return newest
    kept = [entry for entry in newest if entry not in other]
    return kept + ledger.plan([entry for entry in made if not entry.part], instead_of=other)


def _is_asked_anew(newest: Sequence[Entry], redeliver: str | None) -> bool:
    """Return whether a delivered package is to be sent once more; one that is not at its end is ended first."""
    if redeliver is None or any(entry.state is not State.DELIVERED for entry in newest):
        return False
    return newest[0].reason != redeliver


def _is_untouched(entries: Sequence[Entry], target: Target) -> bool:
    """Return whether the receiver can't have seen any of the files whole."""
    hidden = {State.PLANNED, State.FAILED} | (set() if target.in_place else {State.SENDING})
    return all(entry.state in hidden for entry in entries)


def _changed(package: Package, target: Target, newest: Sequence[Entry]) -> str:
    delivered = sum(entry.state is State.DELIVERED for entry in newest)
    return (
        f"{package.feed} of {package.day}: {delivered} of {len(newest)} files were delivered to {target.name} "
        f"({newest[0].name} …), and the package was changed since: redeliver it with a reason, under new names, and "
        "tell the receiver which to ignore"
    )


def _part(package: Package, entry: Entry) -> Part:
    file = package.file(package.parts[entry.part - 1]) if entry.part else package.manifest
    return Part(file, entry.name, entry.rows, entry.bytes, entry.sha256)
