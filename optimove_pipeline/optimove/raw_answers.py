"""The file that holds an answer as it came: plain or gzip, told apart by its first bytes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from optimove_pipeline.errors import TransientError

_GZIP_MAGIC = b"\x1f\x8b"
_DAMAGED: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, isal_zlib.error, zlib.error)


@contextmanager
def open_answer(path: Path) -> Iterator[BinaryIO]:
    """Open an answer for reading its decompressed bytes.

    Raises TransientError, also while it is read, where the gzip stream is cut or damaged.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if not zipped:
            yield file
            return
        try:
            with igzip.open(file, "rb") as unzipped:
                yield cast(BinaryIO, unzipped)
        except _DAMAGED as error:
            raise TransientError(f"the answer is truncated or damaged: {error}") from error


def first_bytes(path: Path, count: int) -> bytes:
    """Return up to ``count`` decompressed bytes of the answer's start, fewer where it is cut before."""
    try:
        with open_answer(path) as stream:
            return stream.read(count)
    except TransientError:
        return b""
