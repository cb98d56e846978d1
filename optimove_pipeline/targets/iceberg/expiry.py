"""Snapshots that are too old, and the files that only they had."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import datetime

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot

from optimove_pipeline.targets.iceberg.files import remove

logger = logging.getLogger(__name__)


def expire(found: IcebergTable, before: datetime) -> int:
    """Expire the snapshots that are older than a moment but the current one, and return how many files went.

    Files that no snapshot has any more are removed: pyiceberg forgets snapshots only. One that another process is
    about to expire is left to it.
    """
    protected = {reference.snapshot_id for reference in found.metadata.refs.values()}
    limit = before.timestamp() * 1000
    old = [each for each in found.snapshots() if each.timestamp_ms < limit and each.snapshot_id not in protected]
    if not old:
        return 0
    gone = _files(found, old)
    try:
        found.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in old]).commit()
    except CommitFailedException:
        logger.info("%s: another commit came between, old snapshots wait for the next load", ".".join(found.name()))
        return 0
    removed = remove(found.io, sorted(gone - _files(found, found.snapshots())))
    logger.info("%s: %d snapshots expired, %d files removed", ".".join(found.name()), len(old), removed)
    return removed


def _files(found: IcebergTable, snapshots: Collection[Snapshot]) -> set[str]:
    """Return the paths of all files that snapshots are made of."""
    paths, manifests = set[str](), dict[str, ManifestFile]()
    for snapshot in snapshots:
        paths.add(snapshot.manifest_list)
        manifests.update({each.manifest_path: each for each in snapshot.manifests(found.io)})
    return paths.union(manifests, *(_data_files(found, each) for each in manifests.values()))


def _data_files(found: IcebergTable, manifest: ManifestFile) -> Iterator[str]:
    for entry in manifest.fetch_manifest_entry(found.io, discard_deleted=True):
        yield entry.data_file.file_path
