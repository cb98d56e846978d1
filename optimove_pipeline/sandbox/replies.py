"""An answer before it is sent, and the answers that every function shares (reference, sections 1.3 and 1.4)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = "application/json"
TEXT = "text/plain"
_TOO_MANY = (
    b'{"status":429,"error":"Too Many Requests",'
    b'"message":"You have exceeded the rate limit for this API group. Please retry later."}'
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and headers of an answer; ``rows`` is how many rows it carries."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0


def refused() -> Reply:
    """No key, or a wrong one."""
    return Reply(401, b'"Unauthorized"')


def too_many(retry_after: float | None = None) -> Reply:
    """A rate limit is used up; with the seconds to wait if these are to be told."""
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return Reply(429, _TOO_MANY, headers=headers)


def not_found() -> Reply:
    """No such function, or (in one of the styles of an empty answer) no such data."""
    return Reply(404, b"Not Found", TEXT)


def bad_request(message: str) -> Reply:
    """A parameter is missing or malformed."""
    return Reply(400, message.encode(), TEXT)


def wrong_method() -> Reply:
    """The wrong verb."""
    return Reply(405, b'"Method Not Allowed"')
