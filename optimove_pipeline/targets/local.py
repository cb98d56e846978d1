"""A folder of this machine, or one that is mounted here."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.files import Entry, FileSession, Layout
from optimove_pipeline.targets.kinds.local import LocalSettings
from optimove_pipeline.targets.source import blocks, sha256
from optimove_pipeline.targets.target import Part

_BLOCK = 2**20
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A local folder; a relative one is below ``data_dir``."""

    name: str
    settings: LocalSettings
    data_dir: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.data_dir / self.settings.folder)

    @property
    def attempts(self) -> int:
        """How often a part is tried."""
        return self.settings.attempts

    @property
    def manifest_folder(self) -> str | None:
        """The side folder of manifests."""
        return self.settings.manifest_folder

    @property
    def connections(self) -> int:
        """One: a disk is not faster with more."""
        return 1

    @property
    def in_place(self) -> bool:
        """Never: a local file can be renamed."""
        return False

    @contextmanager
    def session(self) -> Iterator[FileSession]:
        """Yield a session; there is nothing to connect to."""
        layout = Layout(PurePosixPath(self.place), read_back=self.settings.read_back)
        yield FileSession(LocalFiles(self.name), layout, f"target {self.name}")


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files of this machine. Every method raises ``TargetError`` where the system refuses."""

    target: str

    def size(self, path: PurePosixPath) -> int | None:
        """Return the size in bytes."""
        with self._told("look at", path):
            try:
                return Path(path).stat().st_size
            except FileNotFoundError:
                return None

    def sha256(self, path: PurePosixPath) -> str | None:
        """Return the hash."""
        with self._told("read", path), Path(path).open("rb") as file:
            return sha256(iter(lambda: file.read(_BLOCK), b""))

    def write(self, part: Part, path: PurePosixPath) -> None:
        """Write and flush to the disk."""
        with self._told("write", path), Path(path).open("wb", buffering=0) as file:
            for block in blocks(part, _BLOCK):
                _write_all(file.fileno(), block)
            os.fsync(file.fileno())

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Link and unlink: unlike a rename, a link never replaces what lies there."""
        with self._told("rename to", new):
            try:
                os.link(old, new)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                self._rename_unlinked(old, new)
            else:
                Path(old).unlink()
            _flush_folder(Path(new).parent)

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file."""
        with self._told("remove", path):
            Path(path).unlink(missing_ok=True)

    def make_folder(self, path: PurePosixPath) -> None:
        """Make a folder."""
        with self._told("make the folder", path):
            Path(path).mkdir(parents=True, exist_ok=True)

    def entries(self, folder: PurePosixPath) -> list[Entry]:
        """Return the files of a folder."""
        with self._told("list", folder):
            try:
                return [Entry(file.name, file.stat().st_mtime) for file in Path(folder).iterdir() if file.is_file()]
            except FileNotFoundError:
                return []

    def _rename_unlinked(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Rename on a file system without hard links, where no step both looks and renames."""
        if Path(new).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
        Path(old).rename(new)

    @contextmanager
    def _told(self, action: str, path: PurePosixPath) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TargetError(
                f"target {self.target}: can't {action} {path}: {error.strerror}; expected a folder that this "
                "user may write, on a disk with room for the package"
            ) from error


def _write_all(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush_folder(folder: Path) -> None:
    """Make the new name last: a file's own flush does not cover the folder that names it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
