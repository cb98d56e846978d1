"""Event listeners: what is sent, and what each answer comes to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.errors import AnswerError, ApiError, ForbiddenError, RequestError, TransientError
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.optimove.event_listeners import Event, register_listener, registered_listeners
from optimove_pipeline_tests.optimove.canned import CannedServer, Reply, canned_server, opened

SECRET = "0123456789abcdef"
URL = f"https://etl.example.com/optimove/{SECRET}"


def ask(folder: Path, work: Callable[[Optimove], Awaitable[Any]], *replies: Reply) -> tuple[Any, CannedServer]:
    async def asked() -> tuple[Any, CannedServer]:
        async with canned_server(*replies) as server, opened(server.url, folder) as api:
            return await work(api.client), server

    return asyncio.run(asked())


def register(client: Optimove) -> Awaitable[None]:
    return register_listener(client, Event.DAY_COMPLETED, URL, SECRET)


@pytest.mark.parametrize("body", [b"", b'{"ResponseCode":200}'])
def test_registering_sends_what_is_documented(tmp_path: Path, body: bytes) -> None:
    _, server = ask(tmp_path, register, Reply(body=body), Reply(body=b'{"Date":"2026-11-19"}'))
    sent = [request for request in server.requests if request.method == "POST"]
    assert [request.path for request in sent] == ["/current/general/RegisterEventListener"]
    assert json.loads(sent[0].body) == {"EventTypeID": 3, "ListenerURL": URL}
    assert sent[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404, b"Not Found"), RequestError),
        (Reply(body=b'{"ResponseCode":400}'), RequestError),
        (Reply(400, f'"{URL} is no listener"'.encode()), RequestError),
        (Reply(403, f"no access for {URL}".encode()), ForbiddenError),
        (Reply(500, f"{URL} failed".encode()), TransientError),
    ],
)
def test_a_refusal_to_register_is_an_error_that_keeps_the_secret(
    tmp_path: Path, reply: Reply, error: type[ApiError], caplog: pytest.LogCaptureFixture
) -> None:
    def with_proof(client: Optimove) -> Awaitable[None]:
        async def work() -> None:
            await client.last_data_update()
            await register(client)

        return work()

    with pytest.raises(error) as caught:
        ask(tmp_path, with_proof, Reply(body=b'{"Date":"2026-11-19"}'), reply)
    assert "general/RegisterEventListener" in str(caught.value)
    assert SECRET not in str(caught.value) + caplog.text


@pytest.mark.parametrize(
    ("body", "listeners"),
    [
        (b"[]", []),
        (b'[{"EventTypeID":3,"ListenerURL":"https://a"}]', [{"EventTypeID": 3, "ListenerURL": "https://a"}]),
        (b'{"3":"https://a"}', [{"3": "https://a"}]),
        (b'["https://a"]', [{"listener": "https://a"}]),
    ],
)
def test_what_is_registered_is_told_as_the_api_tells_it(tmp_path: Path, body: bytes, listeners: list[Any]) -> None:
    found, server = ask(tmp_path, registered_listeners, Reply(body=body))
    assert found == listeners
    assert [request.method for request in server.requests] == ["GET"]


def test_an_account_without_the_function_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(AnswerError, match="this account may not have it"):
        ask(tmp_path, registered_listeners, Reply(404, b"Not Found"))
