"""A private Azure Blob server for tests: Azurite, from npm."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx

from optimove_pipeline_tests.servers.starting import free_port, wait_until_it_answers

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's own, which everybody knows."""
CONTAINER = "deliveries"

_VERSION = "2021-08-06"
_PROGRAM = Path(".venv/azurite/node_modules/azurite/dist/src/blob/main.js")


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """The address of a server's account with one container, below ``folder``; stopped afterwards.

    ``FileNotFoundError`` says what to do if the server is missing.
    """
    program = Path(__file__).parents[2] / _PROGRAM
    node = shutil.which("node")
    if not program.exists() or node is None:
        raise FileNotFoundError("these tests need Node and Azurite: tools/test_servers.sh installs it")
    port = free_port()
    command = [node, str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            address = f"http://127.0.0.1:{port}/{ACCOUNT}"
            wait_until_it_answers(address, server, folder / "log")
            _create_container(address)
            yield address
        finally:
            server.terminate()


def sas(permissions: str, until: timedelta) -> str:
    """Return a SAS token of the container for these permissions, which ends after a time, or before now."""
    now = datetime.now(UTC)
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now - timedelta(days=2), now + until))
    fields = [permissions, start, end, f"/blob/{ACCOUNT}/{CONTAINER}", "", "", "", _VERSION, "c", *[""] * 7]
    token = {"sv": _VERSION, "sr": "c", "sp": permissions, "st": start, "se": end, "sig": _signed("\n".join(fields))}
    return urlencode(token)


def _create_container(address: str) -> None:
    headers = {"x-ms-date": format_datetime(datetime.now(UTC), usegmt=True), "x-ms-version": _VERSION}
    canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = f"PUT{chr(10) * 12}{canonical}/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{_signed(text)}"
    httpx.put(f"{address}/{CONTAINER}", params={"restype": "container"}, headers=headers).raise_for_status()


def _signed(text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
