"""A private PostgreSQL server for tests, from Debian's binaries."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from optimove_pipeline_tests.servers.certificate import Certificate

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=127.0.0.1")
_START_SECONDS = 30.0


@contextmanager
def postgres_server(certificate: Certificate | None = None, rules: Sequence[str] = ()) -> Iterator[str]:
    """The URL of a fresh, empty server on the loopback; stopped and deleted afterwards.

    It trusts everybody, unless a line of ``rules`` (pg_hba.conf) comes first; with a certificate it offers TLS.
    PostgreSQL refuses to run as root, so root lends it to an unprivileged user. ``FileNotFoundError`` names the
    Debian package if the binaries are missing.
    """
    binaries, user = _binaries(), _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if user is not None:
            os.chown(folder, user.uid, user.gid)
        _make_cluster(binaries, folder, user)
        access = folder / "data" / "pg_hba.conf"
        access.write_text("\n".join([*rules, access.read_text()]))
        with _running(binaries, folder, user, _tls(certificate, folder, user)) as dsn:
            yield dsn
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class _User:
    uid: int
    gid: int


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path is not None:
        return Path(on_path).parent
    raise FileNotFoundError("these tests need PostgreSQL's server: install the Debian package postgresql")


def _unprivileged_user() -> _User | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return _User(entry.pw_uid, entry.pw_gid)


def _make_cluster(binaries: Path, folder: Path, user: _User | None) -> None:
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
         "--locale=C.UTF-8"],
        check=True,
        capture_output=True,
        cwd=folder,
        user=user.uid if user else None,
        group=user.gid if user else None,
    )  # fmt: skip


def _tls(certificate: Certificate | None, folder: Path, user: _User | None) -> list[str]:
    if certificate is None:
        return []
    # The server refuses a key that is not its own.
    for file in (certificate.file, certificate.key_file):
        copied = Path(shutil.copy(file, folder / file.name))
        copied.chmod(0o600)
        if user is not None:
            os.chown(copied, user.uid, user.gid)
    names = (f"ssl_cert_file={folder / certificate.file.name}", f"ssl_key_file={folder / certificate.key_file.name}")
    return ["ssl=on", *names]


@contextmanager
def _running(binaries: Path, folder: Path, user: _User | None, tls: Sequence[str]) -> Iterator[str]:
    port = _free_port()
    options = [word for setting in (*_FAST, *tls, f"unix_socket_directories={folder}") for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-p", str(port), *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            user=user.uid if user else None,
            group=user.gid if user else None,
        )
    dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        _wait_until_ready(dsn, server, folder / "log")
        yield dsn
    finally:
        server.send_signal(2)
        server.wait(_START_SECONDS)


def _wait_until_ready(dsn: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
