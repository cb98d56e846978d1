"""Events go to whom they are registered for, in the form that listeners in use read (reference, section 1.9)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox


@dataclass(slots=True)
class Heard:
    """A listener: its address, and what it was sent as path, content type and JSON."""

    url: str = ""
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def listening(status: int = 200) -> Iterator[Heard]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.events.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


def register(client: httpx.Client, **body: object) -> None:
    assert client.post("/general/RegisterEventListener", json=body).status_code == 200


def test_an_event_goes_to_its_listener_in_the_form_that_clients_read(
    client: httpx.Client, sandbox: RunningSandbox
) -> None:
    with listening() as heard:
        register(client, EventTypeID=3, ListenerURL=f"{heard.url}/optimove/done")
        register(client, EventTypeID=2, ListenerURL=f"{heard.url}/optimove/campaigns")
        assert sandbox.send_event(3) == [200]
    ((path, kind, told),) = heard.events
    assert (path, kind) == ("/optimove/done", "application/json")
    assert told.keys() == {"EventTypeID", "TimeStamp"}
    assert told["EventTypeID"] == 3
    assert datetime.fromisoformat(told["TimeStamp"]).tzinfo is None


def test_a_channels_event_goes_to_those_of_all_channels_and_to_those_of_its_own(
    client: httpx.Client, sandbox: RunningSandbox
) -> None:
    with listening() as heard:
        register(client, EventTypeID=13, ListenerURL=f"{heard.url}/all")
        register(client, EventTypeID=13, ListenerURL=f"{heard.url}/email", ChannelID=504)
        register(client, EventTypeID=13, ListenerURL=f"{heard.url}/sms", ChannelID=505)
        assert sandbox.send_event(13, campaign=221, channel=504) == [200, 200]
    assert {path for path, _, _ in heard.events} == {"/all", "/email"}
    assert all((told["CampaignID"], told["ChannelID"]) == (221, 504) for _, _, told in heard.events)


def test_what_a_listener_answers_is_told_and_hurts_nobody(client: httpx.Client, sandbox: RunningSandbox) -> None:
    assert sandbox.send_event(3) == []
    with listening(status=503) as heard:
        register(client, EventTypeID=3, ListenerURL=heard.url)
        assert sandbox.send_event(3) == [503]
    assert sandbox.send_event(3) == [None]
    register(client, EventTypeID=3, ListenerURL="no address")
    assert sandbox.send_event(3) == [None]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"EventTypeID": "done"}'])
def test_an_event_that_is_none_is_refused(sandbox: RunningSandbox, body: str) -> None:
    url = f"{sandbox.url.removesuffix('current')}sandbox/event"
    assert httpx.post(url, content=body, trust_env=False).status_code == 400
