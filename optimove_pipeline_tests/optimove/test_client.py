"""What the client makes of each kind of answer, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest

from optimove_pipeline.errors import (
    AnswerError,
    ApiError,
    ForbiddenError,
    RequestError,
    TransientError,
    UnauthorizedError,
)
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import Answer
from optimove_pipeline_tests.optimove.canned import CALL, KEY, ROWS, Reply, Request, Table, canned_server, opened

T = TypeVar("T")
ALWAYS = {"attempts": 1}


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


def ask(tmp_path: Path, *replies: Reply, call: Call = CALL, **options: Any) -> tuple[Answer[Table], list[str]]:
    async def work() -> tuple[Answer[Table], list[str]]:
        async with canned_server(*replies) as server, opened(server.url, tmp_path, **options) as api:
            return await api.get(call), api.outcomes

    return run(work())


def failure(tmp_path: Path, *replies: Reply, call: Call = CALL, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask(tmp_path, *replies, call=call, **{**ALWAYS, **options})
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("answer")] == []
    return caught.value


def test_a_request_is_as_documented(tmp_path: Path) -> None:
    call = replace(CALL, parameters=(("RecipientGroupID", "1"), ("CustomerAttributes", "Alias;Super Brand,+&é")))

    async def work() -> Request:
        async with canned_server() as server, opened(server.url, tmp_path) as api:
            await api.get(call, top=10_000, skip=20_000)
            return server.requests[0]

    request = run(work())

    assert request.method == "GET"
    assert request.path == "/current/customers/GetCustomersByAction"
    assert request.query == (
        "$skip=20000&$top=10000&CustomerAttributes=Alias%3BSuper%20Brand%2C%2B%26%C3%A9&RecipientGroupID=1"
    )
    assert request.headers["x-api-key"] == KEY
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("zipped", [False, True])
def test_an_answer_is_kept_as_it_came_and_read(tmp_path: Path, zipped: bool) -> None:
    body = gzip.compress(ROWS) if zipped else ROWS
    reply = Reply(body=body, headers={"Content-Encoding": "gzip"} if zipped else {})

    answer, outcomes = ask(tmp_path, reply)

    assert (tmp_path / "answer").read_bytes() == body
    assert answer.value is not None
    assert answer.value.frame["customer_id"].to_list() == ["231342", "943157"]
    assert (answer.status, answer.empty, answer.bytes) == (200, False, len(body))
    assert outcomes == ["ok"]


def test_connections_are_kept_and_never_more_than_allowed(tmp_path: Path) -> None:
    async def work() -> tuple[int, int]:
        async with canned_server() as server, opened(server.url, tmp_path, concurrency=2) as api:
            await asyncio.gather(*(api.get(into=str(number)) for number in range(20)))
            return len(server.requests), server.connections

    assert run(work()) == (20, 2)


def test_a_call_is_recorded_with_where_its_time_went(tmp_path: Path) -> None:
    call = replace(CALL, day=date(2026, 11, 20))

    async def work() -> Any:
        async with canned_server() as server, opened(server.url, tmp_path) as api:
            await api.get(call, top=10, skip=0)
            return api.records

    (record,) = run(work())

    assert (record.report, record.day, record.function) == ("customers_by_action", call.day, call.function)
    assert record.parameters == "ActionID=2 $top=10 $skip=0"
    assert (record.status, record.rows, record.attempt, record.outcome) == (200, 2, 1, "ok")
    assert record.milliseconds >= 0
    assert record.waited_seconds >= 0
    assert record.at.tzinfo is not None


@pytest.mark.parametrize("body", [b"[]", b" [ \n] "])
def test_an_empty_array_is_no_rows_and_proof_enough(tmp_path: Path, body: bytes) -> None:
    answer, outcomes = ask(tmp_path, Reply(body=body), call=replace(CALL, documented=False))

    assert (answer.value, answer.empty, outcomes) == (None, True, ["empty"])
    assert (tmp_path / "answer").read_bytes() == body


EMPTY = [Reply(body=b""), Reply(body=b"null"), Reply(404, b"Not Found"), Reply(204, b"")]


@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_answer_is_no_rows_once_the_function_has_given_some(tmp_path: Path, empty: Reply) -> None:
    call = replace(CALL, documented=False)

    async def work() -> tuple[Any, list[str]]:
        async with canned_server(Reply(), empty) as server, opened(server.url, tmp_path) as api:
            await api.get(call, "first")
            return await api.get(call), api.outcomes

    answer, outcomes = run(work())

    assert (answer.empty, answer.status, outcomes) == (True, empty.status, ["ok", "empty"])


@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_answer_is_no_rows_once_the_last_data_update_is_looked_up(tmp_path: Path, empty: Reply) -> None:
    answer, outcomes = ask(tmp_path, empty, Reply(body=b'{"Date":"2026-11-20"}'))

    assert (answer.empty, outcomes) == (True, ["empty", "ok"])


def test_at_a_wrong_address_nothing_is_taken_for_no_rows(tmp_path: Path) -> None:
    error = failure(tmp_path, Reply(404, b"Not Found"))

    assert isinstance(error, AnswerError)
    assert "check OPTIMOVE_API_URL" in str(error)
    assert "customers_by_action customers/GetCustomersByAction ActionID=2: HTTP 404: Not Found" in str(error)


def test_an_unproven_function_that_rests_on_an_assumption_names_its_settings(tmp_path: Path) -> None:
    error = failure(tmp_path, Reply(404, b"Not Found"), call=replace(CALL, documented=False))

    assert isinstance(error, AnswerError)
    assert "set reports.each.customers_by_action.function and reports.each.customers_by_action.parameters" in str(
        error
    )


def test_not_found_waits_for_a_call_of_the_same_function_that_may_prove_it(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        return Reply() if request.parameters["ActionID"] == "9" else Reply(404, b"Not Found")

    async def work() -> list[bool]:
        async with canned_server(answer=answer) as server, opened(server.url, tmp_path, concurrency=1) as api:
            calls = [replace(CALL, parameters=(("ActionID", str(n)),), documented=False) for n in range(10)]
            answers = await asyncio.gather(*(api.get(call, call.id) for call in calls))
            return [answer.empty for answer in answers]

    assert run(work()) == [True] * 9 + [False]


def test_calls_that_nothing_proves_all_fail(tmp_path: Path) -> None:
    async def work() -> list[Any]:
        async with canned_server(Reply(404)) as server, opened(server.url, tmp_path) as api:
            call = replace(CALL, documented=False)
            return await asyncio.gather(*(api.get(call, str(n)) for n in range(5)), return_exceptions=True)

    assert [type(error) for error in run(work())] == [AnswerError] * 5


def test_proofs_are_remembered_in_a_file_for_the_same_base_url(tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    call = replace(CALL, documented=False)

    async def work() -> bool:
        async with canned_server(Reply(), Reply(404)) as server:
            async with opened(server.url, tmp_path, proofs=proofs) as api:
                await api.get(call)
            async with opened(server.url, tmp_path, proofs=proofs) as api:
                return (await api.get(call)).empty

    assert run(work())
    (tmp_path / "answer").unlink()
    assert list(json.loads(proofs.read_bytes()).values()) == [["customers/GetCustomersByAction"]]
    assert isinstance(failure(tmp_path, Reply(404), call=call, proofs=proofs), AnswerError)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(400, b"bad parameter"), RequestError, "HTTP 400: bad parameter"),
        (Reply(405, b'"Method Not Allowed"'), RequestError, "HTTP 405"),
        (Reply(302, b"", {"Location": "https://elsewhere"}), RequestError, "redirects to 'https://elsewhere'"),
        (Reply(401, b'"Unauthorized"'), UnauthorizedError, "OPTIMOVE_API_KEY"),
        (Reply(403, b"Access denied"), ForbiddenError, "may not call this function"),
        (Reply(403, b"Authorization-Token Expired"), ForbiddenError, "may not call this function"),
        (Reply(403, b"<html>Incident</html>"), ForbiddenError, "IP allow list"),
        (Reply(200, b'"An error has occurred"'), AnswerError, 'HTTP 200: "An error has occurred"'),
        (Reply(200, b'{"status":400,"error":"Bad","message":"x"}'), RequestError, '"message":"x"'),
        (Reply(200, b'{"message":"Something is wrong"}'), AnswerError, "Something is wrong"),
        (Reply(200, b"<html>A web site</html>"), AnswerError, "check OPTIMOVE_API_URL"),
        (Reply(200, b"12"), AnswerError, "a message, not rows"),
        (Reply(200, b"[1,2]"), AnswerError, "a row is not an object"),
        (Reply(408, b""), TransientError, "HTTP 408: no body"),
        (Reply(429, b"slow down"), TransientError, "HTTP 429"),
        (Reply(500, b"oops"), TransientError, "HTTP 500: oops"),
        (Reply(503, b"oops"), TransientError, "HTTP 503"),
        (Reply(200, b'{"status":503,"error":"Unavailable"}'), TransientError, "Unavailable"),
        (Reply(sent=-1), TransientError, "cut"),
        (Reply(sent=20), TransientError, "cut"),
        (Reply(body=ROWS[:-3]), TransientError, "truncated"),
        (Reply(body=gzip.compress(ROWS)[:-9], headers={"Content-Encoding": "gzip"}), TransientError, "truncated"),
        (Reply(body=gzip.compress(ROWS)[:5], headers={"Content-Encoding": "gzip"}), TransientError, "truncated"),
    ],
)
def test_each_failure_is_the_error_that_tells_what_to_do(
    tmp_path: Path, reply: Reply, error: type[ApiError], words: str
) -> None:
    caught = failure(tmp_path, reply)

    assert type(caught) is error
    assert words in str(caught)
    assert "customers_by_action customers/GetCustomersByAction ActionID=2: " in str(caught)


def test_a_campaign_with_a_status_is_no_error(tmp_path: Path) -> None:
    body = b'{"CampaignType":"Test/Control","Status":"Successful","Error":""}'

    answer, _ = ask(tmp_path, Reply(body=body))

    assert answer.value is not None
    assert answer.value.frame["status"].to_list() == ["Successful"]


def test_after_an_unauthorized_answer_no_further_request_is_made(tmp_path: Path) -> None:
    async def work() -> tuple[list[Any], int]:
        async with canned_server(Reply(401)) as server, opened(server.url, tmp_path, concurrency=1) as api:
            calls = (api.get(into=str(number)) for number in range(5))
            return await asyncio.gather(*calls, return_exceptions=True), len(server.requests)

    errors, requests = run(work())

    assert [type(error) for error in errors] == [UnauthorizedError] * 5
    assert requests == 1


def test_a_refused_function_leaves_the_others_alone(tmp_path: Path) -> None:
    async def work() -> Answer[Table]:
        async with canned_server(Reply(403), Reply()) as server, opened(server.url, tmp_path) as api:
            with pytest.raises(ForbiddenError):
                await api.get(into="refused")
            return await api.get()

    assert not run(work()).empty


def test_a_time_out_is_a_failure_worth_another_try(tmp_path: Path) -> None:
    answer, outcomes = ask(tmp_path, Reply(hang=True), Reply(), timeout_seconds=0.3)

    assert not answer.empty
    assert outcomes == ["timeout", "ok"]


def test_an_unreachable_server_is_told_as_such_and_costs_no_call(tmp_path: Path) -> None:
    async def work() -> list[str]:
        async with canned_server() as server:
            gone = server.url
        async with opened(gone, tmp_path, attempts=2) as api:
            with pytest.raises(TransientError, match="unreachable"):
                await api.get()
            assert api.budget.usage.granted == 0
            return api.outcomes

    assert run(work()) == ["unreachable", "unreachable"]


def test_what_reading_raises_for_other_reasons_is_passed_on(tmp_path: Path) -> None:
    def full(_: Path) -> Table:
        raise OSError("no space left")

    async def work() -> list[str]:
        async with canned_server() as server, opened(server.url, tmp_path) as api:
            with pytest.raises(OSError, match="no space left"):
                await api.client.get(CALL, tmp_path / "answer", full)
            return api.outcomes

    assert run(work()) == ["unreadable"]
    assert not (tmp_path / "answer").exists()


def test_a_cancelled_call_is_recorded_and_leaves_nothing(tmp_path: Path) -> None:
    async def work() -> list[str]:
        async with canned_server(Reply(hang=True)) as server, opened(server.url, tmp_path) as api:
            call = asyncio.create_task(api.get())
            await server.asked.wait()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert api.files == set()
            return api.outcomes

    assert run(work()) == ["unanswered"]


def test_the_last_data_update_is_asked_for_once_in_five_minutes(tmp_path: Path) -> None:
    async def work() -> tuple[list[date], int]:
        replies = (Reply(body=b'{"date":"2026-11-19T00:00:00"}'), Reply(body=b'{"Date":"2026-11-20"}'))
        async with canned_server(*replies) as server, opened(server.url, tmp_path) as api:
            days = list(await asyncio.gather(*(api.client.last_data_update() for _ in range(5))))
            await api.time.sleep(301)
            days.append(await api.client.last_data_update())
            return days, len(server.requests)

    days, requests = run(work())

    assert days == [date(2026, 11, 19)] * 5 + [date(2026, 11, 20)]
    assert requests == 2


@pytest.mark.parametrize("body", [b'{"Day":1}', b'{"Date":"soon"}', b"[]"])
def test_a_last_data_update_without_a_date_is_refused(tmp_path: Path, body: bytes) -> None:
    async def work() -> None:
        async with canned_server(Reply(body=body)) as server, opened(server.url, tmp_path) as api:
            await api.client.last_data_update()

    with pytest.raises(AnswerError, match="GetLastDataUpdate"):
        run(work())


def test_an_empty_look_up_is_an_empty_list(tmp_path: Path) -> None:
    async def work() -> Any:
        async with canned_server(Reply(body=b"[]")) as server, opened(server.url, tmp_path) as api:
            return await api.client.lookup("model/GetLifecycleStageList")

    assert run(work()) == []
