"""Clients that are slow, or mean harm, at the servers of this project: processes of their own, real sockets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from optimove_pipeline_tests.serving.api import ENVIRONMENT, document_of

HEAD_SECONDS = 0.5
PROGRAM = f"""
from optimove_pipeline.cli import main
from optimove_pipeline.prompt_requests import PromptHeads
PromptHeads.head_seconds = {HEAD_SECONDS}
main()
"""
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"

Connect = Callable[[], socket.socket]


@pytest.fixture(scope="module", params=["listen", "serve"])
def connect(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """Return connections to a server whose patience is half a second."""
    root = tmp_path_factory.mktemp(request.param)
    (root / "optimove.yaml").write_text(yaml.safe_dump(document_of(root)))
    variables = {
        **ENVIRONMENT,
        "OPTIMOVE_CONFIG": str(root / "optimove.yaml"),
        "OPTIMOVE_DATA_DIR": str(root / "data"),
        "OPTIMOVE_LISTENER_SECRET": "0123456789-abcdef",
    }
    with _served(root, request.param, variables) as port:

        def connection() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port), timeout=30)

        yield connection


@contextmanager
def _served(root: Path, command: str, variables: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, command, "--port", "0"],
        cwd=root,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found is not None, line + process.communicate()[1]
        yield int(found[1])
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sent", [b"", b"G", HEAD])
def test_a_connection_without_a_whole_head_is_closed(connect: Connect, sent: bytes) -> None:
    with connect() as client:
        client.sendall(sent)

        assert client.recv(100) == b""


def test_a_head_that_comes_drop_by_drop_is_not_waited_for(connect: Connect) -> None:
    with connect() as client:
        client.settimeout(HEAD_SECONDS / 5)
        client.sendall(HEAD)

        assert _closed_while_dripping(client)


def _closed_while_dripping(client: socket.socket) -> bool:
    """Send a byte whenever nothing came for a while, and return whether the connection ended without an answer."""
    for _ in range(500):
        try:
            return client.recv(100) == b""
        except TimeoutError:
            client.sendall(b"x")
        except ConnectionResetError:
            return True
    return False


def test_whole_requests_are_answered_one_after_the_other_and_half_a_further_one_is_not_waited_for(
    connect: Connect,
) -> None:
    with connect() as client:
        whole = HTTPConnection("127.0.0.1")
        whole.sock = client
        for _ in range(2):
            whole.request("GET", "/healthz")
            answer = whole.getresponse()
            assert answer.read()
            assert answer.status in {200, 405}
        client.sendall(HEAD)

        assert client.recv(100) == b""
