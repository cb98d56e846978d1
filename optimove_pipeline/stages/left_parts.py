"""What is left to send of a package that was replaced, while its parts still lie beside those of the new one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from optimove_pipeline.ledger import Entry, State
from optimove_pipeline.packages import MANIFEST, Package
from optimove_pipeline.stages.planned_files import versioned
from optimove_pipeline.stages.sending import Item
from optimove_pipeline.targets.target import Part


def left_parts(package: Package, entries: Sequence[Entry]) -> list[Item]:
    """Return the files that are not delivered, each with the part that was planned for it; none unless all are there.

    ``package`` is the one that took the old one's place, in its folder.
    """
    left = [entry for entry in entries if entry.state is not State.DELIVERED]
    items = [(entry, part) for entry in left if (part := _found(package.folder, entry))]
    return items if len(items) == len(left) else []


def _found(folder: Path, entry: Entry) -> Part | None:
    for build in sorted(path for path in folder.iterdir() if path.is_dir()):
        for file in sorted(build.iterdir()):
            is_named = versioned(file.name, entry.version) == entry.name if entry.part else file.name == MANIFEST
            if is_named and _is(file, entry):
                return Part(file, entry.name, entry.rows, entry.bytes, entry.sha256)
    return None


def _is(file: Path, entry: Entry) -> bool:
    if file.stat().st_size != entry.bytes:
        return False
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == entry.sha256
