"""Sessions of targets that have files and folders: temporary name, check, rename.

A part is written under a temporary name that is made of its name and its hash, so a second try finds what the first
one left, and two different parts never meet there. The temporary name begins with a dot and has an extension of its
own: no pattern of a receiver that looks for data files matches it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from optimove_pipeline.targets.errors import TargetError, UnreachableError
from optimove_pipeline.targets.target import Found, Part

LEFT_BEHIND_SECONDS = 86_400.0
"""Older temporary files are nobody's: no run lasts that long."""

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.optimove-partial")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a folder; ``written_at`` is in epoch seconds."""

    name: str
    written_at: float


class Files(Protocol):
    """Files and folders somewhere; paths are absolute there. Every method raises ``TargetError``."""

    def size(self, path: PurePosixPath) -> int | None:
        """Return the size of a file in bytes, or None if it is not there."""

    def sha256(self, path: PurePosixPath) -> str | None:
        """Return the hash of a file, or None if we may not read it."""

    def write(self, part: Part, path: PurePosixPath) -> None:
        """Write a part's bytes to a file, over what lies there."""

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Give a file another name, at which nothing lies."""

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file; it may be gone already."""

    def make_folder(self, path: PurePosixPath) -> None:
        """Make a folder, and those above it; it may be there already."""

    def entries(self, folder: PurePosixPath) -> list[Entry]:
        """Return the files in a folder; none if it is not there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where parts lie.

    ``temporary_folder`` holds the temporary files, the final folder if None. Where ``rename`` is False, parts are
    written under their final names. Where ``moved_at_once``, the receiver may take a part as soon as it is there.
    ``read_back`` hashes what was written, else its size alone is compared.
    """

    folder: PurePosixPath
    temporary_folder: PurePosixPath | None = None
    rename: bool = True
    moved_at_once: bool = False
    read_back: bool = False

    def final(self, part: Part) -> PurePosixPath:
        """Return where a part is to lie."""
        return self.folder / part.name

    def temporary(self, part: Part) -> PurePosixPath:
        """Return where a part lies until it is whole."""
        final = self.final(part)
        folder = self.temporary_folder or final.parent
        return folder / f".{final.name}.{part.sha256[:12]}.optimove-partial"


@dataclass(frozen=True, slots=True)
class FileSession:
    """The steps of a delivery, for any files. ``label`` names the target in messages.

    ``made`` are the folders known to be there, which need not be asked for again.
    """

    files: Files
    layout: Layout
    label: str
    made: set[PurePosixPath] = field(default_factory=set)

    def look(self, part: Part) -> Found | None:
        """Return what lies under the final name; its hash is only read if the size is right."""
        final = self.layout.final(part)
        size = self.files.size(final)
        if size is None:
            return None
        return Found(size, self.files.sha256(final) if size == part.bytes else None)

    def is_waiting(self, part: Part) -> bool:
        """Return whether the temporary file is there."""
        return self.files.size(self.layout.temporary(part)) is not None

    def send(self, part: Part, before_last_step: Callable[[], None]) -> None:
        """Write, verify, rename; or, where renaming is off, write under the final name and verify."""
        if self.layout.rename:
            self.write(part)
            before_last_step()
            self.publish(part)
        else:
            self._make_folders(part)
            self.files.write(part, self.layout.final(part))
            self._verify(part, self.layout.final(part), may_be_gone=self.layout.moved_at_once)

    def discard(self, part: Part) -> None:
        """Remove the final file."""
        self.files.remove(self.layout.final(part))

    def write(self, part: Part) -> None:
        """Write the temporary file and verify it; one that is refused is removed."""
        self._make_folders(part)
        temporary = self.layout.temporary(part)
        with self._removed_if_refused(temporary):
            self.files.write(part, temporary)
            self._verify(part, temporary, may_be_gone=False)

    def publish(self, part: Part) -> None:
        """Give the temporary file its final name; if that is refused, it is removed."""
        temporary = self.layout.temporary(part)
        with self._removed_if_refused(temporary):
            self.files.rename(temporary, self.layout.final(part))

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove temporary files of ours over a day old, but for the parts named."""
        kept = {PurePosixPath(name).name for name in keep}
        swept = []
        for folder in {self.layout.folder, self.layout.temporary_folder or self.layout.folder}:
            for entry in self.files.entries(folder):
                ours = _TEMPORARY.fullmatch(entry.name)
                old = time.time() - entry.written_at > LEFT_BEHIND_SECONDS
                if ours and old and ours["name"] not in kept:
                    self.files.remove(folder / entry.name)
                    swept.append(entry.name)
        return swept

    @contextmanager
    def _removed_if_refused(self, temporary: PurePosixPath) -> Iterator[None]:
        try:
            yield
        except UnreachableError:
            raise
        except TargetError:
            # The reason why it was refused matters more than one why it can't be removed.
            with suppress(TargetError):
                self.files.remove(temporary)
            raise

    def _make_folders(self, part: Part) -> None:
        for folder in {self.layout.final(part).parent, self.layout.temporary_folder or self.layout.folder}:
            if folder not in self.made:
                self.files.make_folder(folder)
                self.made.add(folder)

    def _verify(self, part: Part, path: PurePosixPath, *, may_be_gone: bool) -> None:
        size = self.files.size(path)
        if size is None and may_be_gone:
            return
        if size != part.bytes:
            held = "nothing" if size is None else f"{size:,} bytes"
            raise TargetError(
                f"{self.label}: {path}: {held} after writing, expected {part.bytes:,} bytes. Is the disk or the "
                "quota there full? If the server moves files as soon as they are there, set `temporary_folder` to "
                "one that it leaves alone, or `rename: false` with `moved_at_once: true`"
            )
        if self.layout.read_back and (read := self.files.sha256(path)) != part.sha256:
            why = "reading it is not allowed: set `read_back: false`" if read is None else f"SHA-256 {read} read back"
            raise TargetError(f"{self.label}: {path}: expected SHA-256 {part.sha256}, but {why}")
