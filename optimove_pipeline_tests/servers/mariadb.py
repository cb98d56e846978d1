"""A private MariaDB server for tests, from Debian's binaries."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pymysql

from optimove_pipeline_tests.servers.certificate import Certificate
from optimove_pipeline_tests.servers.starting import free_port

_START_SECONDS = 60.0
_SWITCHES = (
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
)


@contextmanager
def mariadb_server(certificate: Certificate | None = None) -> Iterator[int]:
    """The port of a fresh server on the loopback, whose user ``root`` has no password; deleted afterwards.

    With a certificate it offers TLS.

    ``FileNotFoundError`` names the Debian package if the binaries are missing.
    """
    install, server = _binary("mariadb-install-db"), _binary("mariadbd")
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    try:
        options = ["--no-defaults", "--user=root", f"--datadir={folder / 'data'}", "--skip-test-db", "--force"]
        subprocess.run(
            [install, *options, "--auth-root-authentication-method=normal"], check=True, capture_output=True
        )
        tls = [f"--ssl-cert={certificate.file}", f"--ssl-key={certificate.key_file}"] if certificate else []
        with _running(server, folder, tls) as port:
            yield port
    finally:
        shutil.rmtree(folder)


def _binary(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise FileNotFoundError("these tests need MariaDB's server: install the Debian package mariadb-server")
    return found


@contextmanager
def _running(binary: str, folder: Path, tls: Sequence[str]) -> Iterator[int]:
    port = free_port()
    places = [f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binary, *_SWITCHES, *tls, "--user=root", *places, f"--port={port}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait_until_ready(port, server, folder / "log")
        yield port
    finally:
        server.terminate()
        server.wait(_START_SECONDS)


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2, ssl_disabled=True).close()
        except pymysql.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return
