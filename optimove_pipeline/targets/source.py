"""Reading a part's own file, with the certainty that what was read is what the package says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.target import Part


def blocks(part: Part, size: int) -> Iterator[bytes]:
    """Yield the part's bytes in blocks of ``size``.

    Raises:
        TargetError: at the end, if they are not those of the package: the file was cut or changed since.
    """
    digest, count = hashlib.sha256(), 0
    try:
        with part.file.open("rb", buffering=0) as file:
            while block := file.read(size):
                digest.update(block)
                count += len(block)
                yield block
    except OSError as error:
        raise TargetError(f"{part.file}: {error.strerror}; package the day anew, then deliver it") from error
    if count != part.bytes or digest.hexdigest() != part.sha256:
        raise TargetError(
            f"{part.file}: {count:,} bytes that are not the {part.bytes:,} bytes of its package: the file was "
            "changed after it was packaged; package the day anew, then deliver it"
        )


def sha256(stream: Iterable[bytes]) -> str:
    """Return the SHA-256 of what a stream yields."""
    digest = hashlib.sha256()
    for block in stream:
        digest.update(block)
    return digest.hexdigest()
