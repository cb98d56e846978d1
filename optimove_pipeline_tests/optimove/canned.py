"""A server that answers as a test tells it, byte for byte, and clients of it that don't wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import polars as pl
from pydantic import SecretStr

from optimove_pipeline.optimove.answers import read_frames
from optimove_pipeline.optimove.budget import Budget, Clock, FileStore, Window, open_budget
from optimove_pipeline.optimove.calls import Call, CallRecord
from optimove_pipeline.optimove.client import Answer, Optimove
from optimove_pipeline.optimove.options import ApiOptions
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.report import Report

KEY = "key-0123456789"
REPORT = BY_NAME["customers_by_action"]
CALL = Call("customers/GetCustomersByAction", (("ActionID", "2"),), "customers_by_action", paged=True)
ROWS = b'[{"CustomerID":"231342"},{"CustomerID":"943157"}]'


@dataclass(frozen=True, slots=True)
class Request:
    """What the server was asked; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers: ``sent`` bytes of the body if not all of it, nothing at all for ``hang``.

    It waits for ``after`` first.
    """

    status: int = 200
    body: bytes = ROWS
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    hang: bool = False
    after: asyncio.Event | None = None


@dataclass(slots=True)
class CannedServer:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, request: Request) -> Reply:
        """Give the replies in turn, the last one for ever."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@asynccontextmanager
async def canned_server(
    *replies: Reply, answer: Callable[[Request], Reply] | None = None
) -> AsyncIterator[CannedServer]:
    server = CannedServer(replies=list(replies) or [Reply()])
    connections: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        server.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                request = await _read(reader)
                server.requests.append(request)
                server.asked.set()
                if not await _write(writer, (answer or server.answer)(request)):
                    break
        writer.close()
        connections.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/current"
    try:
        yield server
    finally:
        listening.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections)


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    if reply.after is not None:
        await reply.after.wait()
    if reply.hang:
        await asyncio.Event().wait()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if reply.sent != -1:
        writer.write(f"HTTP/1.1 {reply.status} Whatever\r\n{lines}\r\n".encode() + reply.body[: reply.sent])
        await writer.drain()
    return reply.sent is None


@dataclass(slots=True)
class FakeTime:
    """Time that passes only by sleeping; ``slept`` holds each sleep in seconds."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, monotonic=lambda: self.seconds, sleep=self.sleep)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that an answer was read as."""

    frame: pl.DataFrame

    @property
    def rows(self) -> int:
        return self.frame.height


def read_table(path: Path, report: Report = REPORT, attributes: Sequence[str] = ()) -> Table:
    return Table(pl.concat(read_frames(path, report.columns, attributes), how="diagonal"))


@dataclass(frozen=True, slots=True)
class Opened:
    """A client with what became of its calls."""

    client: Optimove
    budget: Budget
    records: list[CallRecord]
    time: FakeTime
    folder: Path

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.records]

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if not path.name.startswith("budget")}

    async def get(self, call: Call = CALL, into: str = "answer", **paging: int) -> Answer[Table]:
        return await self.client.get(call, self.folder / into, read_table, **paging)


@asynccontextmanager
async def opened(url: str, folder: Path, clock: Clock | None = None, **options: Any) -> AsyncIterator[Opened]:
    """A client of ``url`` whose files lie in ``folder``, without waiting unless a clock says so."""
    if "login" not in options:
        options = {"api_key": SecretStr(KEY), **options}
    budget = open_budget(FileStore(folder / "budget.sqlite"), "test", windows=(Window(100_000, 10.0),))
    time, records = FakeTime(), list[CallRecord]()
    try:
        async with Optimove(
            ApiOptions(base_url=url, **options), budget, records.append, clock=clock or time.clock
        ) as client:
            yield Opened(client, budget, records, time, folder)
    finally:
        await budget.aclose()
