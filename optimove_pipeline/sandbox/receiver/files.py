"""The files of the SFTP server: everything below one folder, by the rules of OpenSSH's server."""

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface
from paramiko.sftp import SFTP_FAILURE, SFTP_OK, SFTP_PERMISSION_DENIED

from optimove_pipeline.sandbox.places import INBOX
from optimove_pipeline.sandbox.receiver.names import is_temporary

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

P = ParamSpec("P")
R = TypeVar("R")

_WRITING = os.O_WRONLY | os.O_RDWR

Take = Callable[[str, Mapping[str, str]], str | None]
"""Operation and its parameters → the fault that it meets, if any."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What all connections share: the folder that is served, where files are taken to, and the faults."""

    root: Path
    taken: Path
    fault: Take


def _answered(operation: Callable[P, R]) -> Callable[P, R | int]:
    """Answer what the system refuses with SFTP's code for it."""

    @wraps(operation)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R | int:
        try:
            return operation(*args, **kwargs)
        except OSError as refused:
            return SFTPServer.convert_errno(refused.errno or 0)

    return wrapped


class OpenFile(SFTPHandle):
    """An open file. A fault is met in the first write: half of it is stored, then the fault happens."""

    def __init__(
        self, descriptor: int, fault: str | None, cut: Callable[[], None], closed: Callable[[], None]
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._fault = fault
        self._cut = cut
        self._closed = closed

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
        if self._fault is None:
            self._closed()

    @_answered
    def read(self, offset: int, length: int) -> bytes:
        """Return bytes from a place; none at the end."""
        return os.pread(self._descriptor, length, offset)

    @_answered
    def write(self, offset: int, data: "Buffer") -> int:
        """Store bytes at a place."""
        if self._fault is not None:
            return self._refused(offset, bytes(data))
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written
        return SFTP_OK

    @_answered
    def stat(self) -> SFTPAttributes:
        """Return size, times and mode."""
        return SFTPAttributes.from_stat(os.fstat(self._descriptor))

    @_answered
    def chattr(self, attr: SFTPAttributes) -> int:
        """Set times and mode."""
        return _change(self._descriptor, attr)

    def _refused(self, offset: int, data: bytes) -> int:
        if offset == 0:
            os.pwrite(self._descriptor, data[: len(data) // 2], 0)
        if self._fault == "cut_upload":
            self._cut()
        return SFTP_FAILURE


class Files(SFTPServerInterface):
    """The operations of one connection. Paths can't leave the root: ``..`` ends there, links are not followed out."""

    def __init__(self, server: paramiko.ServerInterface, shelf: Shelf, cut: Callable[[], None]) -> None:
        super().__init__(server)
        self._shelf = shelf
        self._cut = cut

    @_answered
    def open(self, path: str, flags: int, attr: SFTPAttributes) -> OpenFile:
        """Open a file; writing creates it with the mode that the client wants."""
        file = self._local(path)
        writes = bool(flags & _WRITING)
        mode = attr.st_mode if attr.st_mode is not None else 0o644
        descriptor = os.open(file, flags & ~os.O_APPEND | os.O_NOFOLLOW, stat.S_IMODE(mode))
        fault = self._shelf.fault("sftp/write", {"name": file.name}) if writes else None
        return OpenFile(descriptor, fault, self._cut, lambda: self._arrived(file) if writes else None)

    @_answered
    def list_folder(self, path: str) -> list[SFTPAttributes]:
        """Return what lies in a folder."""
        with os.scandir(self._local(path)) as found:
            return [SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name) for entry in found]

    @_answered
    def stat(self, path: str) -> SFTPAttributes:
        """Return size, times and mode."""
        return SFTPAttributes.from_stat(self._local(path).stat())

    @_answered
    def lstat(self, path: str) -> SFTPAttributes:
        """The same, of a link itself."""
        return SFTPAttributes.from_stat(self._local(path).lstat())

    @_answered
    def chattr(self, path: str, attr: SFTPAttributes) -> int:
        """Set times and mode."""
        return _change(self._local(path), attr)

    @_answered
    def remove(self, path: str) -> int:
        """Remove a file."""
        self._local(path).unlink()
        return SFTP_OK

    @_answered
    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        """Make a folder."""
        self._local(path).mkdir()
        return SFTP_OK

    @_answered
    def rmdir(self, path: str) -> int:
        """Remove an empty folder."""
        self._local(path).rmdir()
        return SFTP_OK

    @_answered
    def rename(self, oldpath: str, newpath: str) -> int:
        """Rename as OpenSSH's server does: by a link, which never replaces a file."""
        old, new = self._local(oldpath), self._local(newpath)
        if self._is_refused(old):
            return SFTP_PERMISSION_DENIED
        if old.is_dir():
            return _renamed_folder(old, new)
        os.link(old, new, follow_symlinks=False)
        old.unlink()
        self._arrived(new)
        return SFTP_OK

    @_answered
    def posix_rename(self, oldpath: str, newpath: str) -> int:
        """Rename by OpenSSH's extension, which replaces a file."""
        old, new = self._local(oldpath), self._local(newpath)
        if self._is_refused(old):
            return SFTP_PERMISSION_DENIED
        old.replace(new)
        self._arrived(new)
        return SFTP_OK

    def _local(self, path: str) -> Path:
        inside = posixpath.normpath("/" + path).lstrip("/")
        file = self._shelf.root / inside
        if inside and not file.parent.resolve().is_relative_to(self._shelf.root.resolve()):
            raise PermissionError(errno.EACCES, "a link leads out of the folder")
        return file

    def _is_refused(self, file: Path) -> bool:
        return self._shelf.fault("sftp/rename", {"name": file.name}) == "refused_rename"

    def _arrived(self, file: Path) -> None:
        """A file has its final name; the receiver may take it away at once."""
        inside = file.relative_to(self._shelf.root)
        if inside.parts[0] != INBOX or is_temporary(inside):
            return
        if self._shelf.fault("sftp/arrive", {"name": file.name}) == "moved_at_once":
            target = self._shelf.taken / inside.relative_to(INBOX)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


def _renamed_folder(old: Path, new: Path) -> int:
    if new.exists():
        return SFTP_FAILURE
    old.rename(new)
    return SFTP_OK


def _change(file: Path | int, attr: SFTPAttributes) -> int:
    if attr.st_mode is not None:
        os.chmod(file, stat.S_IMODE(attr.st_mode))  # noqa: PTH101 - a descriptor has no method for it
    if attr.st_atime is not None and attr.st_mtime is not None:
        os.utime(file, (attr.st_atime, attr.st_mtime))
    if attr.st_size is not None:
        os.truncate(file, attr.st_size)
    return SFTP_OK
