"""Packages: the files of a feed's day, ready to be delivered, there whole or not at all.

A package is a folder ``<root>/<feed>/<day>`` that holds a manifest and, in a folder named for what they were made
of, the parts that the manifest names, with a copy of it. Writing the manifest, one atomic rename, is what makes the
package appear or change. What the manifest no longer names stays for a day, for those who are delivering it still.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.partition_keys import partition_key, partition_of

MANIFEST = "manifest.json"
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class PackagePart:
    """One file of a package, by the name that it is delivered under."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Window:
    """The changes that a package holds: from ``start`` (inclusive) to ``end`` (exclusive), with their zones."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The files of one feed and day.

    ``parts`` are in the order of the rows; ``columns`` maps the columns, in the order of the files, to the Polars
    dtypes that they had in the partition; ``fingerprint`` is the SHA-256 of these columns and of how they are
    written, so that it changes when a receiver would see another schema; ``source`` is the SHA-256 of what the
    package was made of: the partition and the settings. ``watermark`` is the
    end of the window: once this and all before it are delivered, all changes up to there are; None without a window.
    """

    feed: str
    day: date
    folder: Path
    table: str
    format: str
    parts: tuple[PackagePart, ...]
    rows: int
    columns: dict[str, str]
    fingerprint: str
    source: str
    window: Window | None
    watermark: datetime | None
    created_at: datetime

    @property
    def bytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes for part in self.parts)

    @property
    def content(self) -> str:
        """The SHA-256 of what all parts hold, whatever their names: it stands for the rows of tables."""
        return hashlib.sha256(json.dumps([[part.rows, part.sha256] for part in self.parts]).encode()).hexdigest()

    @property
    def manifest(self) -> Path:
        """The manifest's file."""
        return self.folder / MANIFEST

    def file(self, part: PackagePart) -> Path:
        """Return where a part lies."""
        return build_folder(self.folder, self.source) / part.name

    def is_whole(self) -> bool:
        """Return whether every part is there in its size."""
        files = [(self.file(part), part.bytes) for part in self.parts]
        return all(file.is_file() and file.stat().st_size == size for file, size in files)


def package_folder(root: Path, feed: str, day: date) -> Path:
    """Return the folder of a package, whether or not it exists."""
    return root / feed / partition_key(day)


def build_folder(folder: Path, source: str) -> Path:
    """Return the folder of the parts that are made of a source, in the folder of their package."""
    return folder / source[:16]


def find_package(folder: Path) -> Package | None:
    """Return the package in a folder, or None if it was never made whole."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    window, watermark = manifest["window"], manifest["watermark"]
    return Package(
        feed=manifest["feed"],
        day=partition_of(manifest["day"]),
        folder=folder,
        table=manifest["table"],
        format=manifest["format"],
        parts=tuple(PackagePart(**part) for part in manifest["parts"]),
        rows=manifest["rows"],
        columns=manifest["columns"],
        fingerprint=manifest["fingerprint"],
        source=manifest["source"],
        window=Window(*map(datetime.fromisoformat, window)) if window else None,
        watermark=datetime.fromisoformat(watermark) if watermark else None,
        created_at=datetime.fromisoformat(manifest["created_at"]),
    )


def open_package(folder: Path) -> Package:
    """Return the package in a folder.

    Raises:
        PartitionError: it is not there; the message names the asset to materialise first.
    """
    package = find_package(folder)
    if package is None:
        feed, day = folder.parent.name, folder.name
        raise PartitionError(f"packaged/{feed} of {day} is not there: materialise it first")
    return package


def write_manifest(package: Package) -> None:
    """Make a package appear, or replace the one in its folder."""
    window, watermark = package.window, package.watermark
    manifest = {
        "feed": package.feed,
        "day": partition_key(package.day),
        "table": package.table,
        "format": package.format,
        "rows": package.rows,
        "bytes": package.bytes,
        "parts": [
            {"name": part.name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}
            for part in package.parts
        ],
        "columns": package.columns,
        "fingerprint": package.fingerprint,
        "source": package.source,
        "window": [window.start.isoformat(), window.end.isoformat()] if window else None,
        "watermark": watermark.isoformat() if watermark else None,
        "created_at": package.created_at.isoformat(),
    }
    content = json.dumps(manifest, indent=1).encode()
    # Beside its parts it outlives the next one, for who has still to deliver it.
    write_atomically(build_folder(package.folder, package.source) / MANIFEST, content)
    write_atomically(package.manifest, content)


def sweep(root: Path, keep_days: float, now: float | None = None) -> int:
    """Remove packages made over ``keep_days`` days ago, but the newest of each feed; return how many.

    Parts that no manifest names go after a day.
    """
    now = time.time() if now is None else now
    removed = 0
    for feed in [folder for folder in root.glob("*") if folder.is_dir()]:
        packages = sorted(manifest.parent for manifest in feed.glob(f"*/{MANIFEST}"))
        for folder in packages[:-1]:
            if now - (folder / MANIFEST).stat().st_mtime > keep_days * _DAY_SECONDS:
                (folder / MANIFEST).unlink()
                shutil.rmtree(folder)
                removed += 1
        for folder in [folder for folder in feed.iterdir() if folder.is_dir()]:
            _sweep_builds(folder, now)
    return removed


def _sweep_builds(folder: Path, now: float) -> None:
    """Remove from a package's folder the parts that its manifest has not named for a day."""
    package = find_package(folder)
    named = build_folder(folder, package.source).name if package else None
    for build in [path for path in folder.iterdir() if path.is_dir() and path.name != named]:
        if now - build.stat().st_mtime > _DAY_SECONDS:
            shutil.rmtree(build)
