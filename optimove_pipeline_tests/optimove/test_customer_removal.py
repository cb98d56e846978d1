"""Removal of customers: what is sent, whom it failed for, and that no message names a customer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from optimove_pipeline.errors import AnswerError, ApiError, ForbiddenError, RequestError, TransientError
from optimove_pipeline.optimove.customer_removal import remove_customers
from optimove_pipeline_tests.optimove.canned import CannedServer, Reply, canned_server, opened

DATE = Reply(body=b'{"Date":"2026-11-19"}')
CANARY = "Canary-8272"


def ask(folder: Path, ids: Sequence[str], *replies: Reply) -> tuple[list[str], CannedServer]:
    async def asked() -> tuple[list[str], CannedServer]:
        async with canned_server(DATE, *replies) as server, opened(server.url, folder) as api:
            await api.client.last_data_update()
            return await remove_customers(api.client, ids), server

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        (b"[]", []),
        (b"", []),
        (b'{"FailedCustomerIDs":["A8272","A792414"]}', ["A8272", "A792414"]),
        (b'{"failedCustomerIds":[8272]}', ["8272"]),
    ],
)
def test_ids_are_sent_as_documented_and_those_that_failed_come_back(
    tmp_path: Path, body: bytes, failed: list[str]
) -> None:
    found, server = ask(tmp_path, ["A8272", "A916537"], Reply(body=body))
    assert found == failed
    (sent,) = (request for request in server.requests if request.method == "POST")
    assert sent.path == "/current/customers/RemoveCustomerPII"
    assert json.loads(sent.body) == {"CustomerIDs": ["A8272", "A916537"]}


def test_more_ids_than_a_call_takes_are_sent_in_several(tmp_path: Path) -> None:
    ids = [f"A{number}" for number in range(100_001)]
    replies = (Reply(body=b"[]"), Reply(body=b'{"FailedCustomerIDs":["A7"]}'), Reply(body=b"[]"))
    failed, server = ask(tmp_path, ids, *replies)
    sent = [json.loads(request.body)["CustomerIDs"] for request in server.requests if request.method == "POST"]
    assert [len(each) for each in sent] == [50_000, 50_000, 1]
    assert [each for batch in sent for each in batch] == ids
    assert failed == ["A7"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404, b"Not Found"), RequestError),
        (Reply(400, f"{CANARY} is no customer".encode()), RequestError),
        (Reply(403, f'{{"message":"{CANARY} is not yours"}}'.encode()), ForbiddenError),
        (Reply(500, f"{CANARY} failed".encode()), TransientError),
        (Reply(body=f'"{CANARY}"'.encode()), AnswerError),
        (Reply(body=f'["{CANARY}"]'.encode()), AnswerError),
        (Reply(body=f'{{"FailedCustomerIDs":"{CANARY}"}}'.encode()), AnswerError),
        (Reply(body=f'{{"FailedCustomerIDs":["{CANARY}"'.encode()), TransientError),
    ],
)
def test_a_refusal_is_an_error_that_names_no_customer(
    tmp_path: Path, reply: Reply, error: type[ApiError], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error) as caught:
        ask(tmp_path, [CANARY], reply)
    assert "customers/RemoveCustomerPII" in str(caught.value)
    assert CANARY not in str(caught.value) + caplog.text
