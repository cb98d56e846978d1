"""The legacy login: one token for all calls, renewed only when it has expired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from optimove_pipeline.errors import AnswerError, ForbiddenError, TransientError, UnauthorizedError
from optimove_pipeline.optimove.options import Login
from optimove_pipeline_tests.optimove.canned import CannedServer, Opened, Reply, Request, canned_server, opened

T = TypeVar("T")
LOGIN = Login("user", SecretStr("pass-word"))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


class Tokens:
    """A login that gives token-1, token-2, … and lets in only the latest."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, request: Request) -> Reply:
        if request.path == "/current/general/login":
            assert request.method == "POST"
            assert json.loads(request.body) == {"Username": "user", "Password": "pass-word"}
            self.given += 1
            return Reply(body=json.dumps(f"token-{self.given}").encode())
        if request.headers["authorization-token"] != f"token-{self.given}":
            return Reply(403, b"Authorization-Token EXPIRED")
        return Reply()


def logins(server: CannedServer) -> int:
    return sum(request.path.endswith("login") for request in server.requests)


def test_fifty_calls_at_once_share_one_login(tmp_path: Path) -> None:
    async def work() -> tuple[int, int, Opened]:
        async with (
            canned_server(answer=Tokens()) as server,
            opened(server.url, tmp_path, login=LOGIN, concurrency=50) as api,
        ):
            await asyncio.gather(*(api.get(into=str(number)) for number in range(50)))
            return logins(server), len(server.requests), api

    made, requests, api = run(work())

    assert (made, requests) == (1, 51)
    assert sorted(api.outcomes) == ["ok"] * 51
    assert [record.function for record in api.records if record.function == "general/login"] == ["general/login"]


def test_an_expired_token_is_renewed_once_for_all_calls(tmp_path: Path) -> None:
    tokens = Tokens()

    async def work() -> tuple[int, list[str], list[float]]:
        async with (
            canned_server(answer=tokens) as server,
            opened(server.url, tmp_path, login=LOGIN, concurrency=20) as api,
        ):
            await api.get(into="first")
            tokens.given += 1
            await asyncio.gather(*(api.get(into=str(number)) for number in range(20)))
            return logins(server), api.outcomes, api.time.slept

    made, outcomes, slept = run(work())

    assert made == 2
    assert outcomes.count("ok") == 2 + 21
    assert set(outcomes) == {"ok", "http_403"}
    assert slept == [pytest.approx(1.1)]


def test_a_token_unused_for_longer_than_it_lives_is_renewed_before_the_call(tmp_path: Path) -> None:
    async def work() -> list[int]:
        counts: list[int] = []
        async with canned_server(answer=Tokens()) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            for pause in (0, 20 * 60, 20 * 60, 22 * 60):
                await api.time.sleep(pause)
                await api.get(into=str(len(counts)))
                counts.append(logins(server))
        return counts

    assert run(work()) == [1, 1, 1, 2]


def test_a_function_refused_right_after_a_new_login_is_forbidden(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        return (
            Reply(body=b'"token"') if request.path.endswith("login") else Reply(403, b"Authorization-Token expired")
        )

    async def work() -> int:
        async with canned_server(answer=answer) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            with pytest.raises(ForbiddenError, match="refused again right after a new login"):
                await api.get()
            return logins(server)

    assert run(work()) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_is_tried_once_and_stops_every_call(tmp_path: Path, status: int) -> None:
    async def work() -> tuple[list[Any], int]:
        wrong = Reply(status, b'"pass-word is wrong"')
        async with canned_server(wrong) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            calls = (api.get(into=str(number)) for number in range(30))
            return await asyncio.gather(*calls, return_exceptions=True), len(server.requests)

    errors, requests = run(work())

    assert [type(error) for error in errors] == [UnauthorizedError] * 30
    assert "check user name and password" in str(errors[0])
    assert not any("pass-word" in str(error) for error in errors)
    assert requests == 1


@pytest.mark.parametrize("token", [b"{}", b'""', b'"two words"', b"<html>", b'"line\\nbreak"'])
def test_an_answer_that_is_no_token_is_refused(tmp_path: Path, token: bytes) -> None:
    async def work() -> None:
        async with canned_server(Reply(body=token)) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            await api.get()

    with pytest.raises(AnswerError, match="not a token"):
        run(work())


def test_a_failing_login_is_tried_again_at_most_once_a_second(tmp_path: Path) -> None:
    async def work() -> Opened:
        async with canned_server(Reply(500)) as server:
            options: dict[str, Any] = {"login": LOGIN, "attempts": 3, "back_off_seconds": 0.0}
            async with opened(server.url, tmp_path, **options) as api:
                with pytest.raises(TransientError, match="general/login: HTTP 500"):
                    await api.get()
                return api

    api = run(work())

    assert api.outcomes == ["http_500"] * 3
    assert [slept for slept in api.time.slept if slept] == [pytest.approx(1.1)] * 2


def test_a_token_may_expire_again_while_a_call_is_retried(tmp_path: Path) -> None:
    replies = [Reply(403, b"Authorization-Token expired"), Reply(500)] * 2 + [Reply()]

    def answer(request: Request) -> Reply:
        return Reply(body=b'"token"') if request.path.endswith("login") else replies.pop(0)

    async def work() -> int:
        async with canned_server(answer=answer) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            assert not (await api.get()).empty
            return logins(server)

    assert run(work()) == 3


def test_a_late_refusal_of_the_old_token_leaves_the_new_one_alone(tmp_path: Path) -> None:
    tokens = Tokens()

    async def work() -> int:
        both_asked, renewed = asyncio.Event(), asyncio.Event()
        refusals: list[Reply] = []

        def answer(request: Request) -> Reply:
            reply = tokens(request)
            if reply.status == 403:
                refusals.append(reply)
                if len(refusals) == 2:
                    both_asked.set()
                return replace(reply, after=both_asked if len(refusals) == 1 else renewed)
            if refusals and not request.path.endswith("login"):
                renewed.set()
            return reply

        async with canned_server(answer=answer) as server, opened(server.url, tmp_path, login=LOGIN) as api:
            await api.get(into="first")
            tokens.given += 1
            await asyncio.gather(api.get(into="second"), api.get(into="third"))
            return logins(server)

    assert run(work()) == 2
