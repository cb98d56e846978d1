"""Packages as tests deliver them, and what is to be found at a target afterwards."""

import hashlib
import json
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.packages import Package, PackagePart, build_folder
from optimove_pipeline.targets.target import Part

DAY = date(2026, 11, 20)
FEED = "customers"


def contents(parts: int = 3, size: int = 50_000, seed: int = 1) -> list[bytes]:
    """Return the bytes of parts, the same for the same seed."""
    dice = random.Random(seed)
    return [dice.randbytes(size + number) for number in range(parts)]


def package(folder: Path, parts: Sequence[bytes], day: date = DAY, feed: str = FEED) -> Package:
    """Write a package of parts ``Customers_20261120_001.csv.gz`` …; making it again gives the same."""
    source = hashlib.sha256(b"".join(parts)).hexdigest()
    place = build_folder(folder, source)
    place.mkdir(parents=True, exist_ok=True)
    made = []
    for number, content in enumerate(parts, 1):
        name = f"{feed.title()}_{day:%Y%m%d}_{number:03d}.csv.gz"
        (place / name).write_bytes(content)
        made.append(PackagePart(name, 10 * number, len(content), hashlib.sha256(content).hexdigest()))
    for manifest in (place / "manifest.json", folder / "manifest.json"):
        manifest.write_text(json.dumps([part.sha256 for part in made]))
    return Package(
        feed=feed,
        day=day,
        folder=folder,
        table=feed.title(),
        format="csv",
        parts=tuple(made),
        rows=sum(part.rows for part in made),
        columns={},
        fingerprint="",
        source=source,
        window=None,
        watermark=None,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def part(made: Package, number: int = 1) -> Part:
    """Return a package's part as targets take it."""
    own = made.parts[number - 1]
    return Part(made.file(own), own.name, own.rows, own.bytes, own.sha256)


def held(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by their path in it, temporary ones among them."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def named(made: Package) -> dict[str, bytes]:
    """Return a package's parts by name: what is to be held where nothing else is."""
    return {own.name: made.file(own).read_bytes() for own in made.parts}


def states(ledger: Ledger, target: str, day: date = DAY) -> list[State]:
    """Return the states of the newest version of the package's day."""
    return [entry.state for entry in entries(ledger, target, day)]


def entries(ledger: Ledger, target: str, day: date = DAY) -> list[Entry]:
    """Return the newest version of the package's day."""
    return ledger.newest(target, FEED, day)
