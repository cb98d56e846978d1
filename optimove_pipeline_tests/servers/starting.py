"""Waiting for servers that tests start."""

import socket
import subprocess
import time
from pathlib import Path

import httpx

_START_SECONDS = 60.0


def wait_until_it_answers(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once an HTTP server gives any answer; ``RuntimeError`` holds its log if it ends or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(timeout=5) as client:
        while True:
            try:
                client.get(address)
            except httpx.TransportError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{address} did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.05)
            else:
                return


def free_port() -> int:
    """Return a port of the loopback that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
