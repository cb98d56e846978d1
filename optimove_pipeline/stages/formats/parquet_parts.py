"""Parts as Parquet: row groups packed as files of their own, then put together in a stream."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import polars as pl

from optimove_pipeline.feeds import Kind
from optimove_pipeline.packages import PackagePart
from optimove_pipeline.settings.packages import Packaging
from optimove_pipeline.stages.formats.clean_up import cleaned
from optimove_pipeline.stages.formats.fields import Field
from optimove_pipeline.stages.formats.values import as_text, decimals, in_utc
from optimove_pipeline.staging import ROWS_PER_PART


def parquet_frame(frame: pl.DataFrame, fields: Sequence[Field], packaging: Packaging) -> pl.DataFrame:
    """Return rows in the types that they have in the file: text, DATE, TIMESTAMP(µs), DECIMAL, whole numbers, flags.

    Raises:
        ContractError: a number does not fit into its decimal.
    """
    return pl.DataFrame([_column(frame[field.name], field, packaging).alias(field.name) for field in fields])


def parquet_bytes(frame: pl.DataFrame, packaging: Packaging) -> bytes:
    """Return rows as a Parquet file of one row group."""
    file = BytesIO()
    frame.write_parquet(file, compression=packaging.parquet.compression, row_group_size=ROWS_PER_PART)
    return file.getvalue()


def _column(values: pl.Series, field: Field, packaging: Packaging) -> pl.Series:
    match field.kind:
        case Kind.TEXT:
            return cleaned(values, packaging.text)
        case Kind.NUMBER:
            return decimals(values, field.name, packaging.decimal_places, packaging.parquet.decimal_digits)
        case Kind.FLAG if field.form != "Yes/No":
            return values if field.form == "true/false" else values.cast(pl.Int64)
        case Kind.TIME if not field.form:
            return _marked(values, packaging)
        case Kind.FLAG | Kind.DATE | Kind.TIME if field.form:
            return as_text(values, field, packaging.decimal_places)
        case _:
            return values


def _marked(times: pl.Series, packaging: Packaging) -> pl.Series:
    zoned = isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone is not None
    utc = zoned or packaging.parquet.times == "utc"
    return in_utc(times).dt.replace_time_zone("UTC" if utc else None)


class ParquetParts:
    """Files below ``folder`` of at most ``limit`` bytes.

    A part lies as one file for each of its segments until it is closed. Put together, they are at most as large as
    they were apart, for they share one footer; should that ever be wrong, they make two parts.
    """

    def __init__(self, folder: Path, name: Callable[[int], str], limit: int, packaging: Packaging) -> None:
        self._folder, self._name, self._limit, self._packaging = folder, name, limit, packaging
        self._done: list[PackagePart] = []
        self._segments: list[tuple[Path, int]] = []
        self._bytes = 0

    @property
    def done(self) -> tuple[PackagePart, ...]:
        """The parts completed."""
        return tuple(self._done)

    @property
    def rows(self) -> int:
        """Rows of the open part."""
        return sum(rows for _, rows in self._segments)

    @property
    def free_share(self) -> float:
        """Share of the limit that is left in the open part."""
        return 1 - self._bytes / self._limit

    def fits(self, content: bytes) -> bool:
        """Return whether the open part stays within the limit with this file."""
        return self._bytes + len(content) <= self._limit

    def add(self, content: bytes, rows: int) -> None:
        """Add a Parquet file that fits."""
        file = self._folder / f".segment-{len(self._segments):05d}.parquet"
        file.write_bytes(content)
        self._segments.append((file, rows))
        self._bytes += len(content)

    def close(self) -> None:
        """Put the open part's segments together and flush the file to the disk."""
        self._complete(self._segments)
        self._segments, self._bytes = [], 0

    def _complete(self, segments: list[tuple[Path, int]]) -> None:
        if not segments:
            return
        name = self._name(len(self._done) + 1)
        file = self._folder / name
        if len(segments) == 1:
            segments[0][0].replace(file)
        else:
            self._join([segment for segment, _ in segments], file)
        size, sha256 = _flushed(file)
        if size > self._limit:
            self._complete(segments[: len(segments) // 2])
            self._complete(segments[len(segments) // 2 :])
            return
        self._done.append(PackagePart(name, sum(rows for _, rows in segments), size, sha256))
        for segment, _ in segments:
            segment.unlink(missing_ok=True)

    def _join(self, segments: list[Path], file: Path) -> None:
        pl.scan_parquet(segments).sink_parquet(
            file, compression=self._packaging.parquet.compression, row_group_size=ROWS_PER_PART, maintain_order=True
        )


def _flushed(file: Path) -> tuple[int, str]:
    with file.open("rb") as written:
        os.fsync(written.fileno())
        return file.stat().st_size, hashlib.file_digest(written, "sha256").hexdigest()
