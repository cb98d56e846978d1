"""From packages to targets: each part delivered exactly once, however often and wherever a run is killed.

The ledger says what was planned, begun and verified; the target says what is there. What was under way when a run
ended is decided by both: a whole file is recorded as delivered, a broken one is sent again, and a file that was
verified and is neither under its temporary nor its final name was taken by the receiver.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.file_lock import locked
from optimove_pipeline.ledger import Entry, Ledger, State, new_id
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.stages.sending import send_all
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

    ``redeliver`` is the reason why a delivered package is to be sent once more, under new names. The same run may ask
    for it again without sending twice. ``changed`` is the reason under which a package that was made anew since its
    delivery is sent again by itself, under new names. ``pause`` is the wait before a second try, in seconds; it
    doubles each time.

    Raises:
        PartitionError: the day was delivered with other content, and no reason to redeliver was given.
        TargetError: a part was not taken; what was delivered stays recorded, and a new call goes on from there.
        BusyError: another process delivers the same feed to this target for over an hour.
    """
    lock = ledger.path.parent / "locks" / f"deliver-{target.name}-{package.feed}.lock"
    with locked(lock, f"delivering {package.feed} to {target.name}", LOCK_SECONDS):
        entries = _planned(package, target, ledger, run_id, redeliver, changed)
        open_entries = [entry for entry in entries if entry.state is not State.DELIVERED]
        if open_entries:
            _send(package, target, ledger, open_entries, run_id, pause)
    logger.info("%s of %s: %d files at %s", package.feed, package.day, len(entries), target.place)
    return Delivered(
        target=target.name,
        place=target.place,
        version=max((entry.version for entry in entries), default=1),
        files=tuple(entry.name for entry in entries),
        sent=len(open_entries),
        rows=sum(entry.rows for entry in entries),
        bytes=sum(entry.bytes for entry in entries),
    )


def _send(
    package: Package, target: Target, ledger: Ledger, entries: Sequence[Entry], run_id: str, pause: float
) -> None:
    """Send the parts, then the manifest: who reads the manifest may rely on the parts."""
    for group in ([entry for entry in entries if entry.part], [entry for entry in entries if not entry.part]):
        if group:
            send_all([(entry, _part(package, entry)) for entry in group], target, ledger, run_id, pause)


def _planned(
    package: Package, target: Target, ledger: Ledger, run_id: str, redeliver: str | None, changed: str | None
) -> list[Entry]:
    """Return the files to be at the target, those delivered among them, recorded before any is sent."""
    newest = ledger.newest(target.name, package.feed, package.day)
    same = _content(newest) == [(part.rows, part.bytes, part.sha256) for part in package.parts]
    if newest and same and not _is_asked_anew(newest, run_id, redeliver):
        return newest
    reason = redeliver or (None if _is_untouched(newest) else changed)
    if reason is None and not _is_untouched(newest):
        raise PartitionError(_changed(package, target, newest))
    version = (newest[0].version if newest else 1) + (reason is not None)
    dropped = [entry for entry in newest if entry.state is not State.DELIVERED]
    return ledger.plan(_entries(package, target, version, run_id, reason), instead_of=dropped)


def _content(entries: Sequence[Entry]) -> list[tuple[int, int, str]]:
    return [(entry.rows, entry.bytes, entry.sha256) for entry in entries if entry.part]


def _is_asked_anew(newest: Sequence[Entry], run_id: str, redeliver: str | None) -> bool:
    """Return whether a delivered package is to be sent once more; one that is not at its end is ended first."""
    if redeliver is None or any(entry.state is not State.DELIVERED for entry in newest):
        return False
    return (newest[0].reason, newest[0].run_id) != (redeliver, run_id)


def _is_untouched(entries: Sequence[Entry]) -> bool:
    """Return whether the receiver can't have seen any of the files."""
    return all(entry.state in {State.PLANNED, State.FAILED} for entry in entries)


def _changed(package: Package, target: Target, newest: Sequence[Entry]) -> str:
    delivered = sum(entry.state is State.DELIVERED for entry in newest)
    return (
        f"{package.feed} of {package.day}: {delivered} of {len(newest)} files were delivered to {target.name} "
        f"({newest[0].name} …), and the package was changed since: redeliver it with a reason, under new names, and "
        "tell the receiver which to ignore"
    )


def _entries(package: Package, target: Target, version: int, run_id: str, reason: str | None) -> list[Entry]:
    parts = [
        Entry(
            id=new_id(),
            target=target.name,
            feed=package.feed,
            day=package.day,
            version=version,
            part=number,
            name=versioned(part.name, version),
            rows=part.rows,
            bytes=part.bytes,
            sha256=part.sha256,
            run_id=run_id,
            reason=reason,
        )
        for number, part in enumerate(package.parts, 1)
    ]
    return [*parts, *_manifest(package, target, version, run_id, reason)]


def _manifest(package: Package, target: Target, version: int, run_id: str, reason: str | None) -> list[Entry]:
    if target.manifest_folder is None:
        return []
    content = package.manifest.read_bytes()
    name = versioned(f"{package.feed}_{partition_key(package.day).replace('-', '')}_manifest.json", version)
    return [
        Entry(
            id=new_id(),
            target=target.name,
            feed=package.feed,
            day=package.day,
            version=version,
            part=0,
            name=f"{target.manifest_folder}/{name}",
            rows=0,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            run_id=run_id,
            reason=reason,
        )
    ]


def versioned(name: str, version: int) -> str:
    """Return a file's name in a version: as it is in the first, ``name_v2.csv.gz`` in the second."""
    if version == 1:
        return name
    path = PurePosixPath(name)
    stem, dot, extensions = path.name.partition(".")
    return str(path.with_name(f"{stem}_v{version}{dot}{extensions}"))


def _part(package: Package, entry: Entry) -> Part:
    file = package.file(package.parts[entry.part - 1]) if entry.part else package.manifest
    return Part(file, entry.name, entry.rows, entry.bytes, entry.sha256)
