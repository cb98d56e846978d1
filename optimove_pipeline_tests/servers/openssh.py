"""A private OpenSSH server for tests, from Debian's package openssh-server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 30.0
_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/hostkey
PidFile none
AuthorizedKeysFile {place}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
PubkeyAuthentication yes
Subsystem sftp {subsystem}
MaxStartups 50
LogLevel ERROR
"""


@dataclass(frozen=True, slots=True)
class OpenSsh:
    """A running server: its port, its folder for files, a user's private key and the host key's fingerprint."""

    port: int
    root: Path
    user: str
    key: Path
    host_key: Path
    fingerprint: str


@contextmanager
def openssh_server(
    place: Path, *, subsystem: str = "internal-sftp", password: str | None = None, largest_file: int | None = None
) -> Iterator[OpenSsh]:
    """A server on the loopback with its keys and files below ``place``; stopped afterwards.

    ``subsystem`` may name options of OpenSSH's server, ``-d`` is added. Beyond ``largest_file`` bytes no file can be
    written, as on a full disk. With ``password``, which needs root, the user ``courier`` may log in by it: the server
    sees copies of the system's user files, which stay as they are. ``FileNotFoundError`` names the Debian package if
    the server is missing.
    """
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise FileNotFoundError("these tests need an SSH server: install the Debian package openssh-server")
    (root := place / "root").mkdir(parents=True)
    for name in ("hostkey", "userkey"):
        make_key(place / name)
    shutil.copy(place / "userkey.pub", place / "authorized_keys")
    port = _free_port()
    (place / "sshd_config").write_text(
        _CONFIGURATION.format(
            port=port, place=place, passwords="yes" if password else "no", subsystem=f"{subsystem} -d {root}"
        )
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    command = [program, "-D", "-e", "-f", str(place / "sshd_config")]
    if password:
        command = _with_user(place, root, password, command)
    if largest_file:
        limited = f'trap "" XFSZ; ulimit -f {largest_file // 512}; exec "$@"'
        command = ["sh", "-c", limited, "sh", *command]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as server:
        try:
            _wait_until_ready(port, server, place / "log")
            user = "courier" if password else pwd.getpwuid(os.geteuid()).pw_name
            yield OpenSsh(
                port, root, user, place / "userkey", place / "hostkey.pub", fingerprint(place / "hostkey.pub")
            )
        finally:
            server.terminate()


@contextmanager
def openssh_folder() -> Iterator[Path]:
    """A new folder for a server; its path is short, and nobody else may read it, or the server refuses its keys."""
    with tempfile.TemporaryDirectory(prefix="sshd-") as folder:
        yield Path(folder)


def make_key(file: Path, kind: str = "ed25519", passphrase: str = "") -> None:
    """Make a private key, and its public one beside it."""
    # One round of the passphrase's hash: it is not to be guarded, and each round takes time.
    command = ["ssh-keygen", "-q", "-a", "1", "-t", kind, "-N", passphrase, "-f", str(file)]
    command += ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(command, check=True, capture_output=True)


def fingerprint(public_key: Path) -> str:
    """Return the fingerprint of a public key, as people are given it."""
    told = subprocess.run(["ssh-keygen", "-lf", str(public_key)], check=True, capture_output=True, text=True)
    return told.stdout.split()[1]


def _with_user(place: Path, root: Path, password: str, command: list[str]) -> list[str]:
    made = subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True)
    users = Path("/etc/passwd").read_text() + f"courier:x:0:0::{root}:/bin/sh\n"
    (place / "passwd").write_text(users)
    (place / "shadow").write_text(
        Path("/etc/shadow").read_text() + f"courier:{made.stdout.strip()}:19000:0:99999:7:::\n"
    )
    mounts = f"mount --bind {place}/passwd /etc/passwd && mount --bind {place}/shadow /etc/shadow"
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", f'{mounts} && exec "$@"', "sh", *command]


def _wait_until_ready(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as asked:
                if asked.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the SSH server did not start: {log.read_text()}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
