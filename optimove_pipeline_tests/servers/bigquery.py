"""BigQuery for tests: an emulator with DuckDB behind, from PyPI, and a front that adds what it lacks.

The emulator runs real statements, load jobs and scripts. It knows no accounts and no rights, and takes a job's id
twice; the front answers these as Google publishes them: tokens of service accounts for signed assertions, 403 for
what an account has no right to, 409 for the id of a job that was begun before. It is no BigQuery.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import sqlglot
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlglot import exp

from optimove_pipeline_tests.servers.starting import free_port, wait_until_it_answers

PROJECT = "acme-crm"
LOADER = "loader@acme-crm.iam.gserviceaccount.com"
READER = "optimove@acme-crm.iam.gserviceaccount.com"
_ENVIRONMENT = Path(__file__).parents[2] / ".venv/bqemulator"
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "accept-encoding"}


@dataclass(slots=True)
class BigQuery:
    """The emulator behind its front; ``address`` is the front's.

    ``said`` are all statements. ``fails`` are answers to the next statements that hold a text: status and message.
    """

    emulator: int
    address: str = ""
    said: list[str] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    """The ids of jobs, and those that the emulator gave to uploads instead."""
    access: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fails: dict[str, tuple[int, str]] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)
    """Further datasets that an account may read and write, as by roles of the whole project."""
    key: str = ""

    def account(self, email: str) -> str:
        """Return the JSON of a service account."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "1",
                "private_key": self.key,
                "client_email": email,
                "token_uri": f"{self.address}/token",
            }
        )


@contextmanager
def bigquery_server(folder: Path) -> Iterator[BigQuery]:
    """An empty server with its front, on the loopback, that logs below ``folder``.

    ``FileNotFoundError`` says what to do if the emulator is missing.
    """
    program = _ENVIRONMENT / "bin/bqemulator"
    if not program.exists():
        raise FileNotFoundError("these tests need a BigQuery emulator: tools/test_servers.sh installs it")
    port = free_port()
    command = [str(program), "start", "--rest-port", str(port), "--grpc-port", str(free_port()), "--ephemeral"]
    environment = {**os.environ, "HOME": str(_ENVIRONMENT)}
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [*command, "--log-level", "error"], stdout=log, stderr=log, env=environment
    ) as server:  # fmt: skip
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/bigquery/v2/projects/p/datasets", server, folder / "log")
            with _front(BigQuery(port, key=_private_key())) as front:
                yield front
        finally:
            server.terminate()


@contextmanager
def _front(bigquery: BigQuery) -> Iterator[BigQuery]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        owner = bigquery

    with Server(("127.0.0.1", 0), _Front) as listening:
        bigquery.address = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield bigquery
        listening.shutdown()


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class _RefusedError(Exception):
    """An answer of the front's own."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status, self.reason = status, reason


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - named by the library

    def _answer(self) -> None:
        self.bigquery: BigQuery = self.server.owner  # type: ignore[attr-defined] # set above
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if urlsplit(self.path).path == "/token":
                return self._reply(200, _token(body))
            self._judge(body)
        except _RefusedError as refused:
            problem = {"message": str(refused), "reason": refused.reason, "domain": "global"}
            error = {"code": refused.status, "message": str(refused), "errors": [problem]}
            return self._reply(refused.status, json.dumps({"error": error}).encode())
        return self._pass_on(body)

    def _judge(self, body: bytes) -> None:
        """Refuse what BigQuery would: an id that was used, a statement or a change without the right to it."""
        who = self.headers.get("Authorization", "").removeprefix("Bearer ")
        path = urlsplit(self.path).path
        if self.command == "POST" and path.endswith("/jobs") and body.startswith(b"{"):
            job = json.loads(body)
            self._begin(job, who)
        elif self.command in {"PATCH", "PUT"} and "/datasets/" in path and "/tables/" not in path:
            self.bigquery.access[path.rpartition("/")[2]] = json.loads(body).get("access", [])
        elif who != LOADER and "/queries" not in path and "/jobs" not in path:
            raise _RefusedError(403, "accessDenied", f"Access Denied: {path}: {who} has no permission for it")

    def _begin(self, job: dict[str, Any], who: str) -> None:
        name = job["jobReference"]["jobId"]
        if name in self.bigquery.jobs:
            raise _RefusedError(409, "duplicate", f"Already Exists: Job {PROJECT}:EU.{name}")
        statement = job["configuration"].get("query", {}).get("query", "")
        self.bigquery.said.append(statement)
        for text, (status, message) in [*self.bigquery.fails.items()]:
            if text in statement:
                del self.bigquery.fails[text]
                raise _RefusedError(status, "invalidQuery", message)
        if who != LOADER:
            _must_be_allowed(self.bigquery, who, statement)
        self.bigquery.jobs[name] = name

    def _pass_on(self, body: bytes) -> None:
        status, content, headers = self._forward(self.command, self._emulators_path(), body)
        upload = parse_qs(urlsplit(self.path).query).get("optimove_job")
        if upload and status == 200:
            self.bigquery.jobs[upload[0]] = json.loads(content)["jobReference"]["jobId"]
        if "location" in headers:
            name = json.loads(body)["jobReference"]["jobId"]
            where = urlsplit(headers["location"])
            headers["location"] = f"{self.bigquery.address}{where.path}?{where.query}&optimove_job={name}"
        dataset = urlsplit(self.path).path.rpartition("/datasets/")[2]
        if self.command == "GET" and status == 200 and dataset in self.bigquery.access:
            content = json.dumps({**json.loads(content), "access": self.bigquery.access[dataset]}).encode()
        if b"ALTER TABLE" in body and status == 200:
            self._add_to_catalogue(json.loads(body)["configuration"]["query"]["query"])
        self._reply(status, content, headers)

    def _emulators_path(self) -> str:
        """Return the request's path with the emulator's own id of a job."""
        where = urlsplit(self.path)
        head, separator, name = where.path.rpartition("/jobs/")
        return f"{head}{separator}{self.bigquery.jobs.get(name, name)}?{where.query}"

    def _add_to_catalogue(self, statement: str) -> None:
        """Tell the emulator's catalogue of a column that its database has got."""
        found = re.search(r"`[^`.]+\.(\w+)`\.`?(\w+)`? ADD COLUMN IF NOT EXISTS `(\w+)` (\w+)", statement)
        assert found is not None
        dataset, table, name, kind = found.groups()
        path = f"/bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables/{table}"
        held = json.loads(self._forward("GET", path, b"")[1])["schema"]["fields"]
        fields = [*held, {"name": name, "type": kind, "mode": "NULLABLE"}]
        self._forward("PATCH", path, json.dumps({"schema": {"fields": fields}}).encode())

    def _forward(self, method: str, path: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.bigquery.emulator, timeout=60)) as connection:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}

    def _reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            if name.lower() not in _HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _token(body: bytes) -> bytes:
    """Return a token for a signed assertion: the account's own name. Others are refused as Google refuses them."""
    claims = jwt.decode(parse_qs(body.decode())["assertion"][0], options={"verify_signature": False})
    if claims["iss"] not in {LOADER, READER}:
        raise _RefusedError(400, "invalid_grant", "Invalid grant: account not found")
    return json.dumps({"access_token": claims["iss"], "token_type": "Bearer", "expires_in": 3600}).encode()


def _must_be_allowed(bigquery: BigQuery, who: str, statement: str) -> None:
    for parsed in sqlglot.parse(statement, read="bigquery"):
        for table in [] if parsed is None else parsed.find_all(exp.Table):
            dataset = table.db.rpartition(".")[2]
            everything = dataset in bigquery.roles.get(who, set())
            if not everything and not (isinstance(parsed, exp.Query) and _may_read(bigquery, who, dataset)):
                raise _RefusedError(
                    403, "accessDenied", f"Access Denied: Table {PROJECT}:{dataset}.{table.name}: permission denied"
                )


def _may_read(bigquery: BigQuery, who: str, dataset: str) -> bool:
    """Return whether an account may read the views of a dataset, and they their tables."""
    reads = {"role": "READER", "userByEmail": who} in bigquery.access.get(dataset, [])
    views = {"projectId": PROJECT, "datasetId": dataset}
    authorised = any(
        entry.get("dataset", {}).get("dataset") == views for entry in bigquery.access.get(f"{dataset}_tables", [])
    )
    return reads and authorised
