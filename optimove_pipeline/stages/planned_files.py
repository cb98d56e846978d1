"""The files that a package is to be at a target: their names there, and what the ledger is to know of them."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from optimove_pipeline.ledger import Entry, new_id
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.targets.target import Target


def planned_files(package: Package, target: Target, version: int, run_id: str, reason: str | None) -> list[Entry]:
    """Return the files of a version of a package at a target, not recorded yet: the parts, then the manifest."""
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
