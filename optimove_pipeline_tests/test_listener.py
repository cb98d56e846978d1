"""The listener over HTTP: what it notes, what it refuses, and that nothing ends it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.event_note import EventNote, read_note, write_note
from optimove_pipeline.listener import MOST_BYTES, application, listener_secret
from optimove_pipeline.optimove.event_listeners import Event
from optimove_pipeline.settings.listener import Listener
from optimove_pipeline_tests.end_to_end.place import Place, start

SECRET = "canary-0123456789-abcdef"
DONE = b'{"EventTypeID": 3, "TimeStamp": "2026-11-20 05:12:00"}'


@dataclass(frozen=True, slots=True)
class Running:
    """A listener in a process of its own."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    client: httpx.Client

    def post(self, body: bytes, path: str = f"/optimove/{SECRET}", method: str = "POST") -> int:
        return self.client.request(method, f"{self.url}{path}", content=body).status_code


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("listener")
    variables = {
        "OPTIMOVE_API_URL": "http://127.0.0.1:1/current",
        "OPTIMOVE_API_KEY": "key",
        "OPTIMOVE_DATA_DIR": str(root / "data"),
        "OPTIMOVE_LISTENER_SECRET": SECRET,
    }
    with start(Place(root, variables), "listen", "--port", "0") as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert SECRET not in said
        with httpx.Client(trust_env=False) as client:
            yield Running(said.split()[4].rstrip(","), root / "data", process, client)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert SECRET not in out + told


@pytest.mark.parametrize("event", [*Event])
@pytest.mark.parametrize("form", ['{{"EventTypeID": {}, "CampaignID": 221}}', '{{"eventTypeId": "{}"}}'])
def test_an_event_is_noted_before_it_is_answered(listener: Running, event: Event, form: str) -> None:
    begun = datetime.now(UTC)
    assert listener.post(form.format(event.value).encode()) == 200
    note = read_note(listener.data)
    assert note is not None
    assert note.event == event
    assert begun <= note.heard_at <= begun + timedelta(minutes=1)


def test_events_of_other_types_are_taken_and_not_noted(listener: Running) -> None:
    before = read_note(listener.data)
    assert listener.post(b'{"EventTypeID": 1, "CampaignID": 221}') == 200
    assert read_note(listener.data) == before


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/optimove", "POST", DONE, 403),
        ("/", "POST", DONE, 403),
        (f"/optimove/{SECRET}x", "POST", DONE, 403),
        (f"/{SECRET}/optimove", "POST", DONE, 403),
        ("/optimove/%C3%A9%00%FF", "POST", DONE, 403),
        (f"/optimove/{SECRET}", "GET", b"", 405),
        (f"/optimove/{SECRET}", "PUT", DONE, 405),
        (f"/optimove/{SECRET}", "POST", b"", 400),
        (f"/optimove/{SECRET}", "POST", b"EventTypeID=3", 400),
        (f"/optimove/{SECRET}", "POST", b"[3]", 400),
        (f"/optimove/{SECRET}", "POST", b"3", 400),
        (f"/optimove/{SECRET}", "POST", b"{}", 400),
        (f"/optimove/{SECRET}", "POST", b'{"EventTypeID": null}', 400),
        (f"/optimove/{SECRET}", "POST", b'{"EventTypeID": "three"}', 400),
        (f"/optimove/{SECRET}", "POST", b"\xff\xfe", 400),
        (f"/optimove/{SECRET}", "POST", b"[" * 50_000, 400),
        (f"/optimove/{SECRET}", "POST", b" " * (MOST_BYTES + 1), 413),
    ],
)
def test_what_is_no_event_is_refused_and_not_noted(
    listener: Running, path: str, method: str, body: bytes, status: int
) -> None:
    before = read_note(listener.data)
    assert listener.post(body, path, method) == status
    assert read_note(listener.data) == before


def test_requests_that_are_no_http_do_not_end_it(listener: Running) -> None:
    host, port = listener.url.removeprefix("http://").split(":")
    head = f"POST /{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode()
    for sent in (b"\x16\x03\x01\x00", b"GET / HTTP/9\r\n\r\n", head + b"{"):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
    assert listener.post(DONE) == 200


def test_the_secret_may_come_in_a_header_and_a_slow_body_is_given_up() -> None:
    noted: list[Event] = []

    async def talk() -> tuple[list[int], bytes]:
        app = application(SECRET, "X-Event-Secret", noted.append, read_seconds=0.2)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            host, port = listening.getsockname()
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
                headers: tuple[dict[str, str], ...] = ({"x-event-secret": SECRET}, {"x-event-secret": "wrong"}, {})
                statuses = [
                    (await client.post(f"/{SECRET}", content=DONE, headers=each)).status_code for each in headers
                ]
            async with asyncio.timeout(30):
                answer = await _half_a_request(host, port)
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving
        return statuses, answer

    statuses, answer = asyncio.run(talk())
    assert statuses == [200, 403, 403]
    assert noted == [Event.DAY_COMPLETED]
    assert answer.startswith(b"HTTP/1.1 408")


async def _half_a_request(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST / HTTP/1.1\r\nHost: {host}\r\nX-Event-Secret: {SECRET}\r\nContent-Length: 10\r\n\r\n"
    writer.write(head.encode() + b"{")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("secret", ["", "short", "a secret with spaces", "slash/slash/slash/slash"])
def test_a_weak_secret_is_refused_and_not_repeated(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMOVE_LISTENER_SECRET", secret)
    with pytest.raises(SettingsError, match="OPTIMOVE_LISTENER_SECRET") as caught:
        listener_secret(Listener())
    assert not secret or secret not in str(caught.value)


def test_a_file_that_is_no_note_is_named(tmp_path: Path) -> None:
    assert read_note(tmp_path) is None
    note = EventNote(3, datetime(2026, 11, 20, 5, 12, tzinfo=UTC))
    write_note(tmp_path, note)
    assert read_note(tmp_path) == note
    for broken in ("", "[]", json.dumps({"event": 3}), json.dumps({"event": 3, "heard_at": "soon"})):
        (tmp_path / "state" / "event.json").write_text(broken)
        with pytest.raises(SettingsError, match=r"event\.json is not the note of an event"):
            read_note(tmp_path)
