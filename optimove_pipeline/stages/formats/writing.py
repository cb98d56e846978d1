"""Writing a day's rows as the parts of the format that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from optimove_pipeline.packages import PackagePart
from optimove_pipeline.settings.packages import Packaging
from optimove_pipeline.stages.formats.compression import Compression, Gzip, Packed, Plain
from optimove_pipeline.stages.formats.csv_lines import csv_header, csv_lines
from optimove_pipeline.stages.formats.fields import Field
from optimove_pipeline.stages.formats.ndjson_lines import ndjson_lines
from optimove_pipeline.stages.formats.parquet_parts import ParquetParts, parquet_bytes, parquet_frame
from optimove_pipeline.stages.formats.segments import Segment, blocks, write_parts
from optimove_pipeline.stages.formats.text_parts import TextParts
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.stages.leaving_out import NOTHING, LeftOut
from optimove_pipeline.staging import ROWS_PER_PART, Partition

ROWS_PER_BLOCK = ROWS_PER_PART // 8
"""Rows that are compressed at once: enough to compress well, few enough for little memory and full parts."""

_LINES = {"csv": csv_lines, "ndjson": ndjson_lines}
_EXTENSIONS = {"csv": "csv", "ndjson": "json"}


def write_package_parts(
    partition: Partition,
    fields: Sequence[Field],
    packaging: Packaging,
    folder: Path,
    name: Callable[[int, str], str],
    too_large: str,
    left_out: LeftOut = NOTHING,
) -> tuple[PackagePart, ...]:
    """Write all rows but those ``left_out`` as parts below ``folder``.

    ``name`` gives a part's name from its number and extension.

    Raises:
        ContractError: a row is too large for a part (``too_large`` is the message), or a value can't be written.
    """
    if packaging.format == "parquet":
        return _write_parquet(partition, fields, packaging, folder, name, too_large, left_out)
    compression: Compression = Gzip(packaging.gzip_level) if packaging.compression == "gzip" else Plain()
    header = csv_header(fields, packaging.csv) if packaging.format == "csv" and packaging.csv.header else b""
    extension = f"{_EXTENSIONS[packaging.format]}{compression.extension}"
    lines = _LINES[packaging.format]

    def pack(frame: pl.DataFrame) -> Segment[Packed]:
        return Segment(frame, compression.pack(lines(frame, fields, packaging)))

    parts = TextParts(folder, lambda number: name(number, extension), packaging.part_bytes, compression, header)
    write_parts(_rows(partition, fields, packaging, ROWS_PER_BLOCK, left_out), pack, parts, too_large)
    return parts.done


def _write_parquet(
    partition: Partition,
    fields: Sequence[Field],
    packaging: Packaging,
    folder: Path,
    name: Callable[[int, str], str],
    too_large: str,
    left_out: LeftOut,
) -> tuple[PackagePart, ...]:
    def pack(frame: pl.DataFrame) -> Segment[bytes]:
        return Segment(frame, parquet_bytes(parquet_frame(frame, fields, packaging), packaging))

    parts = ParquetParts(folder, lambda number: name(number, "parquet"), packaging.part_bytes, packaging)
    write_parts(_rows(partition, fields, packaging, ROWS_PER_PART, left_out), pack, parts, too_large)
    return parts.done


def _rows(
    partition: Partition, fields: Sequence[Field], packaging: Packaging, rows: int, left_out: LeftOut
) -> Iterable[pl.DataFrame]:
    """Return the rows in blocks; an empty day is one block without rows, or none, as the settings have it."""
    if partition.rows == left_out.rows:
        empty = pl.DataFrame(schema={field.name: field.dtype for field in fields})
        return [empty] if packaging.empty_day == "part" else []
    return blocks(typed_frames(partition, fields, left_out), rows)


def typed_frames(partition: Partition, fields: Sequence[Field], left_out: LeftOut) -> Iterator[pl.DataFrame]:
    """Yield all rows but those ``left_out``, in the columns and dtypes of the fields."""
    schema = pl.Schema({field.name: field.dtype for field in fields})
    for frame in frames(partition, list(schema)):
        yield left_out.rest(frame).cast(schema)
