"""Clients of the sandbox's SFTP server: paramiko's, and the system's ``sftp``."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko

from optimove_pipeline.sandbox.receiver.server import Receiver

PASSWORD = "sandbox-password"


@contextmanager
def transport_to(receiver: Receiver) -> Iterator[paramiko.Transport]:
    """A connection that is not logged in yet."""
    transport = paramiko.Transport((receiver.host, receiver.port))
    try:
        transport.start_client(timeout=10)
        yield transport
    finally:
        transport.close()


@contextmanager
def client_of(receiver: Receiver) -> Iterator[paramiko.SFTPClient]:
    """A client that is logged in by password."""
    with transport_to(receiver) as transport:
        transport.auth_password(receiver.username, PASSWORD)
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        yield client


def write(client: paramiko.SFTPClient, path: str, content: bytes) -> None:
    """Upload bytes; each write waits for its answer."""
    with client.open(path, "wb") as file:
        file.write(content)


def system_sftp(receiver: Receiver, host_key: Path, *lines: str) -> "subprocess.CompletedProcess[str]":
    """Run a batch of the system's ``sftp`` with the user's key; the host key is pinned."""
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(host_key)], check=True, capture_output=True, text=True)
    known = host_key.with_name("known_hosts")
    known.write_text(f"[{receiver.host}]:{receiver.port} {public.stdout}")
    options = {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known),
        "IdentitiesOnly": "yes",
        "IdentityFile": receiver.key_file,
        "BatchMode": "yes",
    }
    chosen = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    command = ["sftp", "-q", "-b", "-", *chosen, "-F", "none", "-P", str(receiver.port)]
    return subprocess.run(
        [*command, f"{receiver.username}@{receiver.host}"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
