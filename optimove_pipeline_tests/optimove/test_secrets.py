"""No credential reaches a log, a message, a repr or a file; no log shows customer data."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from optimove_pipeline.errors import ApiError
from optimove_pipeline.optimove.messages import beginning, masked
from optimove_pipeline.optimove.options import Login
from optimove_pipeline_tests.optimove.canned import KEY, Reply, Request, canned_server, opened

PASSWORD = 'pass/word+é"1'
TOKEN = "token-abcdef"
SECRETS = (KEY, PASSWORD, TOKEN, json.dumps(PASSWORD)[1:-1])


def echoing(request: Request) -> Reply:
    """Answer with all that was sent, as debugging servers do."""
    if request.path.endswith("login") and b"wrong" not in request.body:
        return Reply(body=json.dumps(TOKEN).encode())
    headers = json.dumps(request.headers).upper() if "upper" in request.query else json.dumps(request.headers)
    return Reply(500, f"{'x' * 190} {headers} {request.body!r}".encode())


@pytest.mark.parametrize("credentials", [{}, {"login": Login("user", SecretStr(PASSWORD))}])
@pytest.mark.parametrize("fault", ["echo", "refused", "truncated"])
def test_no_credential_is_ever_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, credentials: dict[str, Any], fault: str
) -> None:
    def answer(request: Request) -> Reply:
        if fault == "echo" or request.path.endswith("login"):
            return echoing(request)
        return Reply(401, json.dumps(request.headers).encode()) if fault == "refused" else Reply(body=b'[{"A":')

    async def work() -> str:
        async with (
            canned_server(answer=answer) as server,
            opened(server.url, tmp_path, attempts=2, **credentials) as api,
        ):
            with pytest.raises(ApiError) as caught:
                await api.get()
            shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
            return shown + repr(api.client) + repr(vars(api.client)) + repr(api.records)

    with caplog.at_level(logging.DEBUG):
        shown = asyncio.run(work())

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in SECRETS:
        assert secret not in shown
        assert secret not in caplog.text
        assert secret.encode() not in kept
    assert "HTTP" in shown


def test_a_secret_is_masked_in_every_form_and_before_the_text_is_cut() -> None:
    text = f"{KEY} {KEY.upper()} {json.dumps(PASSWORD)} pass%2Fword%2B%C3%A9%221"

    assert masked(text, [KEY, PASSWORD]) == '*** *** "***" ***'
    assert beginning(b"x" * 195 + KEY.encode(), [KEY]) == "x" * 195 + "***"


def test_of_rows_only_the_keys_are_shown() -> None:
    rows = b'[{"CustomerID":"8D871","ActionID":19,"Gone":null,"CustomerAttributes":["Yo\\"999", -1.5e3,"UA'

    shown = beginning(rows, (), rows=True)

    assert shown == '[{"CustomerID":…,"ActionID":…,"Gone":null,"CustomerAttributes":[…, …,…'
