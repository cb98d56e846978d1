"""Compressing a file block by block, so that the size of each block is known before it is part of the file.

A gzip file is a header, one deflate stream, and the stream's checksum. The stream may be cut after any block: each
block is compressed by itself, refers to nothing before it, and ends on a whole byte. So blocks are compressed at the
same time, and a file is what they are put together to. This costs under 1% of size.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Protocol

from isal import isal_zlib

_RAW = -15
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""No name, no time, no system: the same rows make the same bytes."""
_LAST_BLOCK = b"\x03\x00"
_FIRST_BYTES = 8
"""What is compressed by itself first.

At the first byte of a longer text ISA-L 2.32 uses a register that it has not set (``.write_first_byte`` of
``igzip_icf_body_h1_gr_bt.asm``), so that what it makes depends on where the compressor lies in memory. Its way with
the shortest texts has no such fault, and a compressor that has a first byte is sound.
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """A block as it lies in the file: its ``data``, and size and CRC-32 of what was compressed."""

    data: bytes
    raw_bytes: int
    crc: int


class Compression(Protocol):
    """How blocks become a file: ``head``, the packed blocks, and a tail of ``tail_bytes``."""

    @property
    def head(self) -> bytes:
        """What every file begins with."""

    @property
    def tail_bytes(self) -> int:
        """How long the tail is."""

    @property
    def extension(self) -> str:
        """What the compression adds to a file's extension."""

    def pack(self, raw: bytes) -> Packed:
        """Compress a block."""

    def tail(self, raw_bytes: int, crc: int) -> bytes:
        """Return what a file of blocks of this size and CRC-32, all together, ends with."""


@dataclass(frozen=True, slots=True)
class Gzip:
    """One member of gzip, by ISA-L; ``level`` is from 0, the fastest, to 3."""

    level: int
    head: bytes = _HEADER
    tail_bytes: int = len(_LAST_BLOCK) + 8
    extension: str = ".gz"

    def pack(self, raw: bytes) -> Packed:
        """Compress a block by itself, up to a whole byte."""
        compressor = isal_zlib.compressobj(self.level, isal_zlib.DEFLATED, _RAW)
        data = b"".join(
            compressor.compress(text) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)
            for text in (raw[:_FIRST_BYTES], memoryview(raw)[_FIRST_BYTES:])
            if text
        )
        return Packed(data, len(raw), isal_zlib.crc32(raw))

    def tail(self, raw_bytes: int, crc: int) -> bytes:
        """Return the end of the stream, the CRC-32 and the size modulo 4 GiB."""
        return _LAST_BLOCK + crc.to_bytes(4, "little") + (raw_bytes % 2**32).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Plain:
    """No compression."""

    head: bytes = b""
    tail_bytes: int = 0
    extension: str = ""

    def pack(self, raw: bytes) -> Packed:
        """Return the block as it is."""
        return Packed(raw, len(raw), zlib.crc32(raw))

    def tail(self, raw_bytes: int, crc: int) -> bytes:
        """Return nothing."""
        del raw_bytes, crc
        return b""


def combined_crc(first: int, second: Packed) -> int:
    """Return the CRC-32 of what ``first`` is that of, followed by a block."""
    crc: int = isal_zlib.crc32_combine(first, second.crc, second.raw_bytes)
    return crc
