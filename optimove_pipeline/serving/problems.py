"""Problems: what a request gets that can't be answered, as problem JSON (RFC 9457) with a code for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


@dataclass
class Problem(Exception):
    """A refusal: its status, a code that never changes, what to do in words, and further headers."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def as_response(problem: Problem) -> Response:
    """Return a problem as it is sent."""
    body = {
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    return Response(orjson.dumps(body), problem.status, dict(problem.headers), MEDIA_TYPE)
