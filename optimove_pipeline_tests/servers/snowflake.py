"""A stand-in for a Snowflake account: fakesnow, from an environment of its own, behind a recorder of ours.

The connector speaks to the recorder over a socket. It answers statements about shares itself, from ``shares.py``,
and hands all others to fakesnow, which runs them in DuckDB.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from optimove_pipeline_tests.servers.shares import Refused, Rows, Shares
from optimove_pipeline_tests.servers.starting import free_port, wait_until_it_answers

PASSWORD = "a-long-secret"

_PROGRAM = Path(".venv/fakesnow/bin/fakesnow")
_QUERY, _LOGIN = "/queries/v1/query-request", "/session/v1/login-request"
_TEMPORARY, _LASTING = "CREATE TEMPORARY ", "CREATE OR REPLACE "
_HOP = {"content-length", "content-encoding", "transfer-encoding", "connection", "host", "accept-encoding"}


@dataclass(slots=True)
class Recorder:
    """What was said to the account, and what it knows of shares."""

    address: str = ""
    said: list[str] = field(default_factory=list)
    shares: Shares = field(default_factory=Shares)
    logins: list[dict[str, Any]] = field(default_factory=list)
    cut_at: list[str] = field(default_factory=list)
    """The next statement that begins with the first of these is carried out, but its answer is lost."""
    down_at: str = ""
    """As ``cut_at``, but nothing is answered any more until this is emptied."""
    is_down: bool = False
    answers: dict[str, bytes] = field(default_factory=dict)
    """Of each request, by its id: one that is sent again is not carried out again."""
    begun: dict[str, dict[str, str]] = field(default_factory=dict)
    """Sessions with a transaction that has not ended: their headers, by token."""


@contextmanager
def snowflake_account(folder: Path) -> Iterator[Recorder]:
    """A running account; ``FileNotFoundError`` says what to do if fakesnow is missing."""
    program = Path(__file__).parents[2] / _PROGRAM
    if not program.exists():
        raise FileNotFoundError("these tests need fakesnow: tools/test_servers.sh installs it")
    port = free_port()
    command = [str(program), "-s", "-p", str(port), "--host", "127.0.0.1"]
    # Its stages lie in the temporary folder, and it does not remove them.
    environment = {"TMPDIR": str(folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{address}/", server, folder / "log")
            with httpx.Client(base_url=address, timeout=60) as client, _recording(client) as recorder:
                yield recorder
        finally:
            server.kill()
            server.wait()


@contextmanager
def _recording(client: httpx.Client) -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise each answer, sent in two pieces, waits 40 ms for the first to be acknowledged.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            _Exchange(self, client, recorder).answer()

        def handle(self) -> None:
            super().handle()
            _end_of_connection(self, client, recorder)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


def _end_of_connection(handler: BaseHTTPRequestHandler, client: httpx.Client, recorder: Recorder) -> None:
    """End a transaction whose client is gone; Snowflake does so after some time."""
    if (headers := recorder.begun.get(getattr(handler, "token", ""))) and not getattr(handler, "was_cut", False):
        _roll_back(client, recorder, headers)


def _roll_back(client: httpx.Client, recorder: Recorder, headers: dict[str, str]) -> None:
    recorder.begun.pop(headers["Authorization"])
    client.post(_QUERY, json={"sqlText": "ROLLBACK"}, headers=headers).raise_for_status()


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request to the recorder, and its answer."""

    handler: Any
    client: httpx.Client
    recorder: Recorder

    def answer(self) -> None:
        body = self.handler.rfile.read(int(self.handler.headers.get("Content-Length", 0)))
        if self.handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        path = self.handler.path.partition("?")[0]
        if self.recorder.is_down:
            self._cut()
        elif path == _LOGIN and not self._may_come_in(json.loads(body)["data"]):
            self._send(_refused(390100, "Incorrect username or password was specified."))
        elif path == _QUERY:
            self._query(json.loads(body))
        elif path.startswith("/telemetry"):
            self._send(_encoded({"success": True, "data": None}))
        else:
            self._end_of_session()
            self._send(self._handed_on(body))

    def _end_of_session(self) -> None:
        if headers := self.recorder.begun.get(self.handler.headers.get("Authorization", "")):
            _roll_back(self.client, self.recorder, headers)

    def _may_come_in(self, login: dict[str, Any]) -> bool:
        self.recorder.logins.append(login)
        return login.get("PASSWORD") == PASSWORD

    def _query(self, asked: dict[str, Any]) -> None:
        sql = asked["sqlText"]
        request = parse_qs(urlsplit(self.handler.path).query)["requestId"][0]
        # The connector asks for the address of each upload by the request of its PUT.
        if request not in self.recorder.answers or sql.startswith("PUT"):
            self.recorder.said.append(sql)
            self.recorder.answers[request] = self._carried_out(asked, sql)
        if self.recorder.cut_at and sql.startswith(self.recorder.cut_at[0]):
            self.recorder.cut_at.pop(0)
            self._cut()
        elif self.recorder.down_at and sql.startswith(self.recorder.down_at):
            self._go_down()
        else:
            self._send(self.recorder.answers[request])

    def _carried_out(self, asked: dict[str, Any], sql: str) -> bytes:
        try:
            rows = self.recorder.shares.answer(sql)
        except Refused as error:
            return _refused(error.number, str(error))
        if rows is not None:
            return _answered(rows)
        asked["sqlText"] = _for_the_fake(sql)
        answer = self._handed_on(json.dumps(asked).encode())
        if json.loads(answer)["success"]:
            self.recorder.shares.saw(sql)
            self._note_transaction(sql)
        return answer

    def _note_transaction(self, sql: str) -> None:
        token = self.handler.token = self.handler.headers["Authorization"]
        if sql == "BEGIN":
            self.recorder.begun[token] = {"Authorization": token}
        elif sql in ("COMMIT", "ROLLBACK"):
            self.recorder.begun.pop(token, None)

    def _handed_on(self, body: bytes) -> bytes:
        headers = {name: value for name, value in self.handler.headers.items() if name.lower() not in _HOP}
        return self.client.post(self.handler.path, content=body, headers=headers).raise_for_status().content

    def _go_down(self) -> None:
        self.recorder.is_down, self.recorder.down_at = True, ""
        for headers in [*self.recorder.begun.values()]:
            _roll_back(self.client, self.recorder, headers)
        self._cut()

    def _cut(self) -> None:
        self.handler.close_connection = self.handler.was_cut = True

    def _send(self, content: bytes) -> None:
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)


def _for_the_fake(sql: str) -> str:
    """Return a statement as fakesnow can run it.

    It looks for the target of a COPY where its temporary tables are not, has no temporary stages, and takes a file of
    the same name for one that was loaded already.
    """
    if sql.startswith("COPY INTO"):
        return f"{sql} FORCE = TRUE"
    return sql.replace(_TEMPORARY, _LASTING, 1) if sql.startswith(_TEMPORARY) else sql


def _answered(rows: Rows) -> bytes:
    names = list(rows[0]) if rows else ["name"]
    kind = {"type": "text", "nullable": True, "length": 1000, "byteLength": 4000, "precision": None, "scale": None}
    data = {
        "parameters": [],
        "rowtype": [{"name": name, **kind} for name in names],
        "rowset": [[row[name] for name in names] for row in rows],
        "total": len(rows),
        "returned": len(rows),
        "queryId": "recorded",
        "queryResultFormat": "json",
        "statementTypeId": 4096,
    }
    return _encoded({"data": data, "success": True})


def _refused(number: int, text: str) -> bytes:
    code = f"{number:06d}"
    data = {"errorCode": code, "sqlState": "42000"}
    return _encoded({"data": data, "code": code, "message": text, "success": False})


def _encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()
