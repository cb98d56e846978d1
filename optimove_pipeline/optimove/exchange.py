"""One HTTP exchange: a request out, its answer into a file, and what the two together mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx

from optimove_pipeline.errors import AnswerError, ApiError, TransientError
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.counting import CountedCall
from optimove_pipeline.optimove.messages import beginning
from optimove_pipeline.optimove.raw_answers import first_bytes
from optimove_pipeline.optimove.responses import (
    PEEKED_BYTES,
    Content,
    carried_status,
    content_of,
    error_object,
    error_of,
    error_without_answer,
    outcome_of,
    unreadable,
)

_EXPIRED = b"authorization-token expired"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call and the page of it that is asked for; ``top`` and ``skip`` are None where it is not paged."""

    call: Call
    top: int | None = None
    skip: int | None = None

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return all parameters sorted by name, which one client found GET to need (reference, section 1.5)."""
        paging = (("$top", self.top), ("$skip", self.skip))
        return sorted([*self.call.parameters, *((name, str(value)) for name, value in paging if value is not None)])

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self.call.body is None else "POST"

    @property
    def body(self) -> dict[str, str | int | tuple[str, ...]] | None:
        """Return the JSON object to send, if there is one."""
        return None if self.call.body is None else dict(self.call.body)

    @property
    def query(self) -> str:
        """Return the parameters in one line, as a person reads them."""
        paging = (("$top", self.top), ("$skip", self.skip))
        return " ".join(
            [self.call.query, *(f"{name}={value}" for name, value in paging if value is not None)]
        ).strip()

    def url(self, address: str) -> str:
        """Return the whole address: values percent-encoded, ``$top`` and ``$skip`` as documented."""
        query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in self.parameters)
        return f"{address}?{query}" if query else address

    def describe(self) -> str:
        """Return report, day, function and all parameters in one line, for messages."""
        paged = (f"{name}={value}" for name, value in (("$top", self.top), ("$skip", self.skip)) if value is not None)
        return " ".join((self.call.describe(), *paged))


@dataclass(frozen=True, slots=True)
class Received:
    """An answer in a file, with its first bytes decompressed."""

    request: httpx.Request
    status: int
    headers: httpx.Headers
    start: bytes
    size: int

    @property
    def token_expired(self) -> bool:
        """Whether the legacy login's token is refused as expired (reference, section 1.4: the case varies)."""
        return self.status == httpx.codes.FORBIDDEN and _EXPIRED in self.start.lower()


async def receive(http: httpx.AsyncClient, address: str, asked: Asked, counted: CountedCall, into: Path) -> Received:
    """Make the call and keep its body in ``into``: gzip as it came, else plain.

    Raises TransientError or RequestError where no whole answer arrived.
    """
    try:
        async with http.stream(
            asked.method, asked.url(address), json=asked.body, extensions=counted.extensions
        ) as response:
            counted.status = response.status_code
            counted.outcome = f"http_{response.status_code}"
            size = await _save(response, into)
    except httpx.HTTPError as error:
        counted.outcome = outcome_of(error)
        reason = str(error) or type(error).__name__
        raise error_without_answer(error, f"{asked.describe()}: {counted.outcome}: {reason}") from error
    finally:
        counted.end()
    return Received(
        response.request, response.status_code, response.headers, _start(response, asked, counted, into), size
    )


async def _save(response: httpx.Response, into: Path) -> int:
    zipped = response.headers.get("Content-Encoding", "identity").lower() in {"gzip", "x-gzip", "identity"}
    chunks = response.aiter_raw() if zipped else response.aiter_bytes()
    with _writing(into) as file:
        async for chunk in chunks:
            file.write(chunk)
        return file.tell()


def _writing(path: Path) -> BinaryIO:
    return path.open("wb")


def _start(response: httpx.Response, asked: Asked, counted: CountedCall, path: Path) -> bytes:
    try:
        return first_bytes(path, PEEKED_BYTES)
    except TransientError as error:
        if not response.is_success:
            return b""
        counted.outcome = "truncated"
        raise TransientError(f"{asked.describe()}: HTTP {response.status_code}: {error}") from error


def judge(asked: Asked, received: Received, *, secrets: Iterable[str], proven: bool) -> Content:
    """Return what the answer holds, EMPTY also for 404; raise the error that it is otherwise.

    ``proven`` tells whether the base URL has ever given an answer of the API.
    """
    if received.status == httpx.codes.NOT_FOUND:
        return Content.EMPTY
    message = failure(asked, received, secrets)
    if not 200 <= received.status < 300:
        raise error_of(received.status, received.headers, message)
    content = content_of(received.start)
    if content is Content.ERROR:
        status = carried_status(error_object(received.start) or {})
        raise error_of(status, received.headers, message) if status else AnswerError(f"{message}: an error, not rows")
    if content in {Content.HTML, Content.TEXT}:
        raise unreadable(content, message, proven=proven)
    return content


def failure(asked: Asked, received: Received, secrets: Iterable[str]) -> str:
    """Return the message of a failed call: report, day, function, parameters, status and the body's beginning."""
    if asked.call.private:
        return f"{asked.describe()}: HTTP {received.status}: the answer is not shown, since it may name customers"
    rows = received.status == httpx.codes.OK and content_of(received.start) is Content.ROWS
    shown = beginning(received.start, (*secrets, *asked.call.secrets), rows=rows)
    return f"{asked.describe()}: HTTP {received.status}: {shown or 'no body'}"


def unproven(asked: Asked, received: Received, secrets: Iterable[str]) -> ApiError:
    """Return the error for a 404 of a function that rests on an assumption and never answered with rows."""
    setting = f"reports.each.{asked.call.report}"
    cure = f"set {setting}.function and {setting}.parameters" if asked.call.report else "this account may not have it"
    return AnswerError(
        f"{failure(asked, received, secrets)}. Nothing has proven that this function exists: its name or parameters "
        f"rest on an assumption and may be wrong; {cure}"
    )
