"""What an answer of the API means: rows, nothing, or one of the errors (reference, sections 1.4 and 1.6)."""

from __future__ import annotations

import json
import ssl
from enum import StrEnum
from typing import Any

import httpx

from optimove_pipeline.errors import (
    AnswerError,
    ApiError,
    ForbiddenError,
    RequestError,
    TransientError,
    UnauthorizedError,
)
from optimove_pipeline.optimove.retrying import retry_after

PEEKED_BYTES = 64 * 2**10
"""How much of an answer is looked at to tell what it is; errors are smaller."""

_TRANSIENT_STATUSES = {408, 425, 429}
_ERROR_KEYS = frozenset(
    ("status", "error", "message", "code", "errors", "title", "type", "detail", "details", "path", "timestamp")
) | {"traceid", "exceptionmessage", "exceptiontype", "stacktrace", "messagedetail", "statuscode"}
_SAYING_KEYS = frozenset(("error", "message", "errors", "title", "exceptionmessage"))


class Content(StrEnum):
    """What a body with status 200 turns out to be."""

    EMPTY_ARRAY = "empty array"
    EMPTY = "empty body or null"
    ROWS = "rows"
    HTML = "html"
    TEXT = "text"
    ERROR = "error"


def content_of(start: bytes) -> Content:
    """Return what the first bytes of an answer (all of it, if shorter than ``PEEKED_BYTES``) tell of it."""
    text = start.removeprefix(b"\xef\xbb\xbf").strip()
    if not text or text == b"null":
        return Content.EMPTY
    if text.startswith(b"["):
        return Content.EMPTY_ARRAY if b"".join(text.split()) == b"[]" else Content.ROWS
    if text.startswith(b"<"):
        return Content.HTML
    if text.startswith(b"{"):
        return Content.ERROR if error_object(text) is not None else Content.ROWS
    return Content.TEXT


def error_object(text: bytes) -> dict[str, Any] | None:
    """Return the object if the answer is one that only carries an error, such as the body of HTTP 429."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    keys = {key.lower() for key in parsed}
    return parsed if keys <= _ERROR_KEYS and (keys & _SAYING_KEYS or carried_status(parsed)) else None


def carried_status(parsed: dict[str, Any]) -> int | None:
    """Return the HTTP status of an error that came with status 200, if the object tells one."""
    values = {key.lower(): value for key, value in parsed.items()}
    status = values.get("status", values.get("statuscode"))
    return status if isinstance(status, int) and 400 <= status < 600 else None


def error_of(status: int, headers: httpx.Headers, message: str) -> ApiError:
    """Return the error that an HTTP status other than 200 and 404 stands for."""
    if status in _TRANSIENT_STATUSES or status >= 500:
        return TransientError(message, retry_after=retry_after(headers))
    if status == httpx.codes.UNAUTHORIZED:
        return UnauthorizedError(
            f"{message}. The API refuses the credentials: check OPTIMOVE_API_KEY (or the login) and that "
            "OPTIMOVE_API_URL is the base URL of the same account"
        )
    if status == httpx.codes.FORBIDDEN:
        return ForbiddenError(
            f"{message}. These credentials may not call this function (the key's access type, or the account's IP "
            "allow list): ask the account's admin, or switch the report off"
        )
    if 300 <= status < 400:
        return RequestError(
            f"{message}. The API redirects to {headers.get('Location', 'nowhere')!r}: correct the base URL"
        )
    return RequestError(message)


def outcome_of(error: httpx.HTTPError) -> str:
    """Return the one word for a call without an answer: ``timeout``, ``unreachable`` or ``cut``."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return "unreachable"
    return "timeout" if isinstance(error, httpx.TimeoutException) else "cut"


def error_without_answer(error: httpx.HTTPError, message: str) -> ApiError:
    """Return the error for a call that got no whole answer; a certificate that is refused won't get better."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return RequestError(f"{message}. The server's certificate is not trusted: check the base URL or the proxy")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return RequestError(message)
    return TransientError(message)


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def unreadable(content: Content, message: str, *, proven: bool) -> ApiError:
    """Return the error for a body with status 200 that is no rows.

    An HTML page is a gateway's, so worth another try, unless this base URL has never given anything else.
    """
    if content is Content.HTML and proven:
        return TransientError(f"{message}. The answer is an HTML page, as of a firewall in front of the API")
    if content is Content.HTML:
        return AnswerError(f"{message}. The answer is an HTML page: check OPTIMOVE_API_URL, or a firewall on the way")
    return AnswerError(f"{message}. The answer is a message, not rows")
