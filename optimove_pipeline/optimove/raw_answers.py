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
_ISAL_ERROR = cast(type[Exception], isal_zlib.error)
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, _ISAL_ERROR)


@contextmanager
def open_answer(path: Path) -> Iterator[BinaryIO]:
    """Open an answer for reading its decompressed bytes.

    Raises TransientError, also while it is read, where the gzip stream is cut or damaged.
    """
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if not zipped:
            yield file
            return
        try:
            with igzip.open(file, "rb") as unzipped:  # type: ignore[no-untyped-call]
                yield cast(BinaryIO, unzipped)
        except _DAMAGED as error:
            raise TransientError(f"the answer is truncated or damaged: {error}") from error


def first_bytes(path: Path, count: int) -> bytes:
    """Return up to ``count`` decompressed bytes of the answer's start.

    Raises TransientError where the gzip stream is cut or damaged within them.
    """
    with open_answer(path) as stream:
        return stream.read(count)
