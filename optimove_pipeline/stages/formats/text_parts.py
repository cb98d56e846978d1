"""Parts of lines: a header and packed blocks in each, hashed as they are written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from optimove_pipeline.packages import PackagePart
from optimove_pipeline.stages.formats.compression import Compression, Packed, combined_crc


@dataclass(slots=True)
class _OpenPart:
    """A part that is being written."""

    file: BinaryIO
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    rows: int = 0
    raw_bytes: int = 0
    crc: int = 0

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)

    def append(self, packed: Packed, rows: int) -> None:
        """Write a packed block."""
        self.write(packed.data)
        self.crc = combined_crc(self.crc, packed)
        self.raw_bytes += packed.raw_bytes
        self.rows += rows


class TextParts:
    """Files below ``folder`` of at most ``limit`` bytes, each of which begins with the header."""

    def __init__(
        self, folder: Path, name: Callable[[int], str], limit: int, compression: Compression, header: bytes
    ) -> None:
        self._folder, self._name, self._limit, self._compression = folder, name, limit, compression
        self._header = compression.pack(header) if header else None
        self._done: list[PackagePart] = []
        self._open: _OpenPart | None = None

    @property
    def done(self) -> tuple[PackagePart, ...]:
        """The parts completed."""
        return tuple(self._done)

    @property
    def rows(self) -> int:
        """Rows of the open part."""
        return self._open.rows if self._open else 0

    @property
    def free_share(self) -> float:
        """Share of the limit that is left in the open part."""
        return self._room / self._limit

    def fits(self, content: Packed) -> bool:
        """Return whether the open part, or a new one, stays within the limit with this block."""
        return len(content.data) <= self._room

    def add(self, content: Packed, rows: int) -> None:
        """Add a block that fits."""
        self._begun().append(content, rows)

    def close(self) -> None:
        """Write the tail and flush the part to the disk."""
        part, self._open = self._open, None
        if part is None:
            return
        with part.file:
            part.write(self._compression.tail(part.raw_bytes, part.crc))
            part.file.flush()
            os.fsync(part.file.fileno())
        name = self._name(len(self._done) + 1)
        self._done.append(PackagePart(name, part.rows, part.size, part.digest.hexdigest()))

    def _begun(self) -> _OpenPart:
        if self._open is None:
            self._open = _OpenPart((self._folder / self._name(len(self._done) + 1)).open("wb"))
            self._open.write(self._compression.head)
            if self._header:
                self._open.append(self._header, 0)
        return self._open

    @property
    def _room(self) -> int:
        header = len(self._header.data) if self._header else 0
        used = self._open.size if self._open else len(self._compression.head) + header
        return self._limit - used - self._compression.tail_bytes
