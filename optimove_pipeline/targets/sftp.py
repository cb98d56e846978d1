"""SFTP servers."""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_DATA

from optimove_pipeline.targets.errors import TargetError, UnreachableError
from optimove_pipeline.targets.files import Entry, FileSession, Layout
from optimove_pipeline.targets.kinds.sftp import SftpSettings
from optimove_pipeline.targets.source import blocks, sha256
from optimove_pipeline.targets.ssh import connection
from optimove_pipeline.targets.target import Part

_KIB = 1024
_READ = 32 * _KIB
_READS_AT_ONCE = 64
_CHANNEL_DATA = struct.Struct(">cII")
"""Type, the server's number of the channel, and length: what goes before the data of a packet (RFC 4254, 5.2)."""


@dataclass(frozen=True, slots=True)
class SftpTarget:
    """A folder of an SFTP server."""

    name: str
    settings: SftpSettings

    @property
    def place(self) -> str:
        """Host, port and folder."""
        return f"sftp://{self.settings.host}:{self.settings.port}/{self.settings.folder}"

    @property
    def connections(self) -> int:
        """How many connections may be open at once."""
        return self.settings.connections

    @property
    def attempts(self) -> int:
        """How often a part is tried."""
        return self.settings.attempts

    @property
    def in_place(self) -> bool:
        """Whether parts are written under their final names."""
        return not self.settings.rename

    @property
    def manifest_folder(self) -> str | None:
        """The side folder of manifests."""
        return self.settings.manifest_folder

    @contextmanager
    def session(self) -> Iterator[FileSession]:
        """Yield a session over a connection of its own.

        Raises:
            LoginError: the host key is not pinned, or the login is refused.
            UnreachableError: nobody answers, or not in time.
        """
        label = f"target {self.name} ({self.settings.host} port {self.settings.port})"
        with connection(self.name, self.settings) as transport:
            yield FileSession(
                SftpFiles(_client(label, transport, self.settings), self.settings, label), self._layout(), label
            )

    def _layout(self) -> Layout:
        temporary = self.settings.temporary_folder
        return Layout(
            folder=PurePosixPath(self.settings.folder),
            temporary_folder=None if temporary is None else PurePosixPath(temporary),
            rename=self.settings.rename,
            moved_at_once=self.settings.moved_at_once,
            read_back=self.settings.read_back,
        )


def _client(label: str, transport: paramiko.Transport, settings: SftpSettings) -> paramiko.SFTPClient:
    try:
        channel = transport.open_session(timeout=settings.timeout_seconds)
        channel.settimeout(settings.timeout_seconds)
        channel.invoke_subsystem("sftp")
        return _Client(channel)
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise UnreachableError(f"{label}: no SFTP after the login: {error}; does the server allow it?") from error


class _Client(paramiko.SFTPClient):
    """A client that copies what it sends once.

    Paramiko's own copies, for each packet of 32 KiB, all of the request that is left, and the packet twice: half of
    the CPU of sending.
    """

    def _write_all(self, out: bytes) -> None:
        channel: Any = self.sock  # with methods that are Paramiko's own
        left = memoryview(out)
        while left:
            with channel.lock:
                size = channel._wait_for_send_window(len(left))
            if size == 0:
                raise EOFError
            head = _CHANNEL_DATA.pack(cMSG_CHANNEL_DATA, channel.remote_chanid, size)
            channel.transport._send_user_message(_Packet(b"".join((head, left[:size]))))
            left = left[size:]


@dataclass(frozen=True, slots=True)
class _Packet:
    """What a packet carries, as Paramiko asks for it."""

    payload: bytes

    def asbytes(self) -> bytes:
        """Return it."""
        return self.payload


@dataclass(frozen=True, slots=True)
class SftpFiles:
    """Files of an SFTP server, over one connection."""

    client: paramiko.SFTPClient
    settings: SftpSettings
    label: str

    def size(self, path: PurePosixPath) -> int | None:
        """Return the size in bytes."""
        with self._told("look at", path):
            try:
                size = self.client.stat(str(path)).st_size
            except FileNotFoundError:
                return None
        if size is None:
            raise TargetError(f"{self.label}: {path}: the server does not tell sizes, so no part can be verified")
        return size

    def sha256(self, path: PurePosixPath) -> str | None:
        """Return the hash of what is read back, or None where the server refuses that."""
        with self._told("read", path):
            try:
                with self.client.open(str(path), "rb") as file:
                    file.prefetch(max_concurrent_requests=_READS_AT_ONCE)
                    return sha256(iter(lambda: file.read(_READ), b""))
            except PermissionError:
                return None

    def write(self, part: Part, path: PurePosixPath) -> None:
        """Write without waiting for the answer to each request; closing collects them all."""
        request = self.settings.request_kib * _KIB
        with self._told("write", path), self.client.open(str(path), "wb") as file:
            file.MAX_REQUEST_SIZE = request
            file.set_pipelined(True)
            for block in blocks(part, request):
                file.write(block)

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Rename by SFTP's own request, which must not replace a file: OpenSSH makes a link, which can't.

        Only a server that does not know how is asked by OpenSSH's extension, after a look whether the name is free.
        """
        with self._told("rename", old, f" to {new.name}. If the server forbids renaming, set `rename: false`"):
            try:
                self.client.rename(str(old), str(new))
            except PermissionError:
                raise
            except OSError:
                self._rename_otherwise(old, new)

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file."""
        with self._told("remove", path):
            try:
                self.client.remove(str(path))
            except FileNotFoundError:
                return

    def make_folder(self, path: PurePosixPath) -> None:
        """Make a folder, and those above it."""
        with self._told("make the folder", path):
            missing = []
            for folder in [path, *path.parents]:
                if str(folder) in {".", "/"} or self._is_there(folder):
                    break
                missing.append(folder)
            for folder in reversed(missing):
                self._make(folder)

    def entries(self, folder: PurePosixPath) -> list[Entry]:
        """Return the files of a folder."""
        with self._told("list", folder):
            try:
                found = self.client.listdir_attr(str(folder))
            except FileNotFoundError:
                return []
        return [Entry(each.filename, each.st_mtime or 0.0) for each in found if not stat.S_ISDIR(each.st_mode or 0)]

    def _rename_otherwise(self, old: PurePosixPath, new: PurePosixPath) -> None:
        if self._is_there(new):
            raise FileExistsError(errno.EEXIST, "a file of that name is there, and nothing is ever overwritten")
        self.client.posix_rename(str(old), str(new))

    def _make(self, folder: PurePosixPath) -> None:
        try:
            self.client.mkdir(str(folder))
        except OSError:
            # Another connection may have made it since.
            if not self._is_there(folder):
                raise

    def _is_there(self, path: PurePosixPath) -> bool:
        try:
            self.client.stat(str(path))
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _told(self, action: str, path: PurePosixPath, remedy: str = "") -> Iterator[None]:
        """Tell errors of the connection, which another try may cure, from what the server refuses."""
        try:
            yield
        except (paramiko.SSHException, EOFError, ConnectionError, TimeoutError) as error:
            raise self._unreachable(action, path, error) from error
        except OSError as error:
            if not self._is_connected():
                raise self._unreachable(action, path, error) from error
            refusal = error.strerror or str(error) or "no reason given"
            raise TargetError(
                f"{self.label}: can't {action} {path}{remedy or _remedy(error)} (the server: {refusal})"
            ) from error

    def _is_connected(self) -> bool:
        channel = self.client.get_channel()
        transport = channel.get_transport() if channel is not None else None
        return channel is not None and not channel.closed and transport is not None and transport.is_active()

    def _unreachable(self, action: str, path: PurePosixPath, error: Exception) -> UnreachableError:
        silent = f"silent for {self.settings.timeout_seconds:g} s"
        why = silent if isinstance(error, TimeoutError) else f"cut ({error!r})"
        return UnreachableError(f"{self.label}: the connection was {why} while we wanted to {action} {path}")


def _remedy(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return ": give the user the right to do so in that folder, or name another folder"
    if isinstance(error, FileNotFoundError):
        return ": the folder is not there, and we may not make it"
    return ": is the disk or the quota there full?"
