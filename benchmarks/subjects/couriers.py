"""Ways to bring files to an SFTP server: this project's stage, OpenSSH's ``sftp``, and Paramiko's plain ``put``."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import paramiko

from optimove_pipeline.ledger import Ledger
from optimove_pipeline.packages import Package, PackagePart
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets.kinds.sftp import SftpSettings
from optimove_pipeline.targets.sftp import SftpTarget

SOURCE = "benchmark"
"""What the package is made of, as far as its files are concerned, which are given by path with their hashes."""


def ours(server: dict[str, Any], hashes: dict[str, str], folder: str) -> int:
    """Deliver with the settings' defaults, the ledger and the hashing of what is sent included; return the bytes."""
    settings = {"kind": "sftp", "host": "127.0.0.1", "username": server["user"], "key_file": server["key"]}
    target = SftpTarget(
        "benchmark",
        SftpSettings.model_validate(
            {**settings, "port": server["port"], "host_keys": [server["fingerprint"]], "folder": folder}
        ),
    )
    with TemporaryDirectory(prefix="benchmark-") as place:
        return deliver(_package(hashes), target, Ledger(Path(place) / "ledger.sqlite"), "benchmark").bytes


def openssh(server: dict[str, Any], hashes: dict[str, str], folder: str) -> int:
    """Put the files with ``sftp``, one after the other over one connection, with its defaults; return the bytes."""
    options = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    command = ["sftp", "-q", "-i", server["key"], "-P", str(server["port"]), *options, "-b", "-"]
    files = _files(hashes)
    batch = "".join(f"put {file} {folder}/{file.name}\n" for file in files)
    Path(folder).mkdir()
    subprocess.run([*command, f"{server['user']}@127.0.0.1"], input=batch, text=True, check=True, capture_output=True)
    return sum(file.stat().st_size for file in files)


def plain_put(server: dict[str, Any], hashes: dict[str, str], folder: str) -> int:
    """Put the files with Paramiko's ``put``, one after the other over one connection; return the bytes."""
    files = _files(hashes)
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            "127.0.0.1",
            server["port"],
            server["user"],
            key_filename=server["key"],
            allow_agent=False,
            look_for_keys=False,
        )
        sftp = client.open_sftp()
        sftp.mkdir(folder)
        for file in files:
            sftp.put(str(file), f"{folder}/{file.name}")
    return sum(file.stat().st_size for file in files)


def _files(hashes: dict[str, str]) -> list[Path]:
    return [Path(file) for file in hashes]


def _package(hashes: dict[str, str]) -> Package:
    files = _files(hashes)
    parts = tuple(PackagePart(file.name, 1, file.stat().st_size, hashes[str(file)]) for file in files)
    return Package(
        feed="benchmark",
        day=date(2026, 11, 20),
        folder=files[0].parents[1],
        table="Benchmark",
        format="csv",
        parts=parts,
        rows=len(parts),
        columns={},
        fingerprint="",
        source=SOURCE,
        window=None,
        watermark=None,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
