"""From a validated partition to a package: parts under the size limit, and the manifest that names them.

Packaging is deterministic: the same rows and settings give the same names and bytes, with the same versions of
Polars and ISA-L on the same kind of processor. What is whole already is not made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimove_pipeline.feeds import Feed
from optimove_pipeline.file_lock import locked
from optimove_pipeline.packages import (
    Package,
    PackagePart,
    Window,
    build_folder,
    find_package,
    package_folder,
    write_manifest,
)
from optimove_pipeline.settings.packages import PackageOptions
from optimove_pipeline.stages.formats.fields import Field, fields_of
from optimove_pipeline.stages.formats.writing import write_package_parts
from optimove_pipeline.stages.leaving_out import NOBODY, Forgotten, LeftOut, find_left_out
from optimove_pipeline.staging import Partition

logger = logging.getLogger(__name__)

LOCK_SECONDS = 3600.0


def package(
    feed: Feed,
    partition: Partition,
    options: PackageOptions,
    root: Path,
    *,
    ready: datetime,
    window: Window | None = None,
    forgotten: Forgotten = NOBODY,
) -> Package:
    """Return the package of a validated partition, in ``<root>/<feed>/<day>``; make it if it is not there.

    ``ready`` is the moment (with its zone) that the parts' names carry in UTC: the day's readiness, never now.
    ``window`` is noted in the manifest, its end as the watermark. Rows of ``forgotten`` customers are left out. A
    partition that was written again, other settings, or a forgotten customer that it holds make the package anew; the
    old one is there until the new one is.

    Raises:
        ContractError: a row alone is larger than a part may be, or a value can't be written.
        SettingsError: a field of the settings, or the column of ``forgotten``, does not fit the partition's columns.
        BusyError: another process has been packaging the same day for an hour.
    """
    fields = fields_of(feed, partition.columns, options)
    left_out = find_left_out(partition, forgotten.column, forgotten.ids)
    source = _source(feed, partition, options, ready, window, left_out)
    folder = package_folder(root, feed.name, partition.day)
    with locked(folder.with_name(f".{folder.name}.lock"), f"packaging {feed.name} of {partition.day}", LOCK_SECONDS):
        found = find_package(folder)
        if found and found.source == source:
            if found.is_whole():
                return found
            found.manifest.unlink()
        parts = _make_parts(feed, partition, options, fields, build_folder(folder, source), ready, left_out)
        made = Package(
            feed=feed.name,
            day=partition.day,
            folder=folder,
            table=options.table,
            format=options.packaging.format,
            parts=parts,
            rows=partition.rows - left_out.rows,
            columns={field.name: partition.columns[field.name] for field in fields},
            fingerprint=_fingerprint(options, fields),
            source=source,
            window=window,
            watermark=window.end if window else None,
            created_at=datetime.now(UTC),
        )
        write_manifest(made)
    logger.info(
        "packaged/%s of %s: %d rows, %d parts, %d bytes, %d rows of forgotten customers left out",
        made.feed,
        made.day,
        made.rows,
        len(parts),
        made.bytes,
        left_out.rows,
    )
    return made


def _make_parts(
    feed: Feed,
    partition: Partition,
    options: PackageOptions,
    fields: Sequence[Field],
    build: Path,
    ready: datetime,
    left_out: LeftOut,
) -> tuple[PackagePart, ...]:
    """Write all parts into a folder of their own. What lies there was left by a process that was killed."""
    too_large = (
        f"packaged/{feed.name} of {partition.day}: one row alone needs more than the "
        f"{options.packaging.part_bytes:,} bytes that packages.part_bytes allows a part; look for the "
        f"longest values by the key ({', '.join(feed.key)}), and shorten them at the source or allow larger parts"
    )

    def name(number: int, extension: str) -> str:
        return options.packaging.name.format(
            table=options.table,
            feed=feed.name,
            date=f"{partition.day:%Y%m%d}",
            time=f"{ready.astimezone(UTC):%H%M%S}",
            part=number,
            extension=extension,
        )

    _clear(build)
    build.mkdir(parents=True)
    try:
        return write_package_parts(partition, fields, options.packaging, build, name, too_large, left_out)
    except BaseException:
        _clear(build)
        raise


def _clear(build: Path) -> None:
    if build.exists():
        shutil.rmtree(build)


def _source(
    feed: Feed,
    partition: Partition,
    options: PackageOptions,
    ready: datetime,
    window: Window | None,
    left_out: LeftOut,
) -> str:
    """Return the hash of all that the package is made of. A part's name is new whenever the part is written.

    Of the forgotten customers only those count that the partition holds: a longer list makes no other package new.
    """
    return _hash(
        {
            "feed": [feed.name, feed.key],
            "day": partition.day,
            "parts": [[part.file.name, part.numbers] for part in partition.parts],
            "columns": list(partition.columns.items()),
            "options": [options.table, options.fields, options.packaging.model_dump()],
            "ready": ready.astimezone(UTC),
            "changes": window and [window.start, window.end],
            "left_out": left_out.ids.to_list(),
        }
    )


def _fingerprint(options: PackageOptions, fields: Sequence[Field]) -> str:
    written = options.packaging.model_dump(include={"format", "csv", "ndjson", "parquet", "decimal_places"})
    return _hash([[[field.name, field.dtype, field.form] for field in fields], options.table, written])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
