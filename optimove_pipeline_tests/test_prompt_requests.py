"""Clients that are slow, or mean harm, at the servers of this project: processes of their own, real sockets."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPConnection

import pytest

from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.serving.api import place_of

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
    place = place_of(tmp_path_factory.mktemp(request.param))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**place.environment, "OPTIMOVE_LISTENER_SECRET": "0123456789-abcdef"}.items():
            patch.setenv(name, value)
        with child(PROGRAM, request.param, "--port", "0") as server:
            found = re.search(r"http://(127\.0\.0\.1):(\d+)", line(server))
            assert found is not None
            yield partial(socket.create_connection, (found[1], int(found[2])), timeout=30)


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
