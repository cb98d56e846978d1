"""The files that a package is to be at a target: their names there, and what the ledger is to know of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from optimove_pipeline.ledger import Entry, new_id
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.targets.target import Target

_EXTENSION = re.compile(r"\.[A-Za-z]+(?:\.gz)?$")
"""What a name ends with; there may be points before it, as in a table's name with its schema."""


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
    return name if version == 1 else marked(name, f"v{version}")


def marked(name: str, mark: str) -> str:
    """Return a file's name with a mark before its extension, as in ``name_mark.csv.gz``."""
    path = PurePosixPath(name)
    found = _EXTENSION.search(path.name)
    at = found.start() if found else len(path.name)
    return str(path.with_name(f"{path.name[:at]}_{mark}{path.name[at:]}"))
