"""A client of the sandbox that knows nothing: it sends what it is told and follows pages to an empty one."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from optimove_pipeline.sandbox.process import RunningSandbox

PAGE = 50

# Never used, since nothing here is TLS; but each client would else load all certificates of the system.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def client_of(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    headers = {"X-API-KEY": sandbox.key}
    with httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False, verify=_TLS, timeout=30) as client:
        yield client


def pages(client: httpx.Client, path: str, size: int, **parameters: object) -> Iterator[list[Any]]:
    """The pages of a function of the section customers, up to the empty one."""
    skip = 0
    while rows := get(client, path, **parameters, **{"$top": size, "$skip": skip}):
        yield rows
        skip += len(rows)


def pull(client: httpx.Client, path: str, **parameters: object) -> list[dict[str, Any]]:
    """All rows of a function."""
    if path.startswith("customers/"):
        return [row for page in pages(client, path, PAGE, **parameters) for row in page]
    found: list[dict[str, Any]] = get(client, path, **parameters)
    return found


def get(client: httpx.Client, path: str, **parameters: object) -> Any:
    """The JSON of an answer that must be 200."""
    answer = client.get(f"/{path}", params={name: str(value) for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()
