"""When and how often a failed call is tried again, without waiting for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from optimove_pipeline.errors import TransientError
from optimove_pipeline.optimove.retrying import retry_after
from optimove_pipeline_tests.optimove.canned import ROWS, Opened, Reply, canned_server, opened

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


def waits(tmp_path: Path, *replies: Reply, **options: Any) -> Opened:
    async def work() -> Opened:
        async with canned_server(*replies) as server, opened(server.url, tmp_path, **options) as api:
            assert not (await api.get()).empty
            return api

    return run(work())


@pytest.mark.parametrize(
    "fault",
    [
        Reply(408),
        Reply(500),
        Reply(502),
        Reply(503),
        Reply(504),
        Reply(sent=-1),
        Reply(sent=5),
        Reply(body=ROWS[:-1]),
        Reply(body=ROWS[:1]),
    ],
)
def test_a_passing_fault_is_tried_again_and_every_attempt_is_recorded(tmp_path: Path, fault: Reply) -> None:
    api = waits(tmp_path, fault, fault, Reply())

    assert [record.attempt for record in api.records] == [1, 2, 3]
    assert api.outcomes[-1] == "ok"
    assert api.client is not None
    assert len(api.time.slept) == 2


def test_waits_double_with_jitter_up_to_the_cap(tmp_path: Path) -> None:
    api = waits(tmp_path, *[Reply(500)] * 7, Reply(), attempts=8, back_off_cap_seconds=10)

    for slept, base in zip(api.time.slept, (1, 2, 4, 8, 10, 10, 10), strict=True):
        assert base <= slept <= 1.5 * base
    assert len(set(api.time.slept)) == 7


def test_after_429_the_first_wait_is_at_least_ten_seconds(tmp_path: Path) -> None:
    api = waits(tmp_path, Reply(429), Reply(429), Reply())

    assert 10 <= api.time.slept[0] <= 15
    assert 20 <= api.time.slept[1] <= 30
    assert api.outcomes == ["http_429", "http_429", "ok"]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_whole_with_a_margin(tmp_path: Path, status: int) -> None:
    api = waits(tmp_path, Reply(status, headers={"Retry-After": "3000"}), Reply())

    assert api.time.slept == [3001]


def test_retry_after_as_a_date_counts_from_the_answers_own_date() -> None:
    now = datetime(2001, 1, 1, tzinfo=UTC)
    headers = {"Date": format_datetime(now, usegmt=True)}

    ahead = {**headers, "Retry-After": format_datetime(now + timedelta(seconds=90), usegmt=True)}
    behind = {**headers, "Retry-After": format_datetime(now - timedelta(seconds=90), usegmt=True)}

    assert retry_after(httpx.Headers(ahead)) == 91
    assert retry_after(httpx.Headers(behind)) == 1


@pytest.mark.parametrize("wish", ["", "soon", "-5", "1.5"])
def test_a_retry_after_that_says_nothing_is_none(wish: str) -> None:
    assert retry_after(httpx.Headers({"Retry-After": wish})) is None


def test_the_last_attempt_is_told_and_no_more_are_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> int:
        async with canned_server(Reply(500, b"oops")) as server, opened(server.url, tmp_path, attempts=3) as api:
            with pytest.raises(TransientError, match=r"HTTP 500: oops \(given up after 3 attempts\)"):
                await api.get()
            return len(server.requests)

    with caplog.at_level(logging.WARNING):
        assert run(work()) == 3
    assert [record.getMessage().rpartition(", the next in")[0][-14:] for record in caplog.records] == [
        "attempt 1 of 3",
        "attempt 2 of 3",
    ]


def test_a_firewalls_page_is_tried_again_where_the_api_has_answered_before(tmp_path: Path) -> None:
    async def work() -> list[str]:
        replies = (Reply(), Reply(body=b"<html>Incident</html>"), Reply())
        async with canned_server(*replies) as server, opened(server.url, tmp_path) as api:
            await api.get()
            await api.get()
            return api.outcomes

    assert run(work()) == ["ok", "html", "ok"]


def test_a_retry_takes_a_grant_of_its_own(tmp_path: Path) -> None:
    async def work() -> int:
        async with canned_server(Reply(500), Reply()) as server, opened(server.url, tmp_path) as api:
            await api.get()
            return api.budget.usage.granted

    assert run(work()) == 2
