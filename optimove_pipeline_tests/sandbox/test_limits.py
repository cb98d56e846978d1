"""The server keeps its windows by itself, to the call."""

from collections.abc import Iterator

import httpx
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.sandbox.api import client_of

BODY = {
    "status": 429,
    "error": "Too Many Requests",
    "message": "You have exceeded the rate limit for this API group. Please retry later.",
}
WINDOWS = ((5, 5.0), (12, 60.0))


@pytest.fixture
def limited() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", windows=WINDOWS, retry_after=True) as sandbox:
        yield sandbox


def call(client: httpx.Client) -> httpx.Response:
    return client.get("/general/GetLastDataUpdate")


def test_calls_above_a_window_are_refused_with_the_documented_body(limited: RunningSandbox) -> None:
    with client_of(limited) as client:
        answers = [call(client) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].json() == BODY
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 5
    short, long = limited.stats()["windows"]
    assert short == {"calls": 5, "seconds": 5.0, "most": 8, "refused": 3}
    assert (long["most"], long["refused"]) == (8, 0)


def test_exactly_what_the_windows_allow_is_let_through() -> None:
    windows, wanted, accuracy = ((5, 0.3), (12, 1.0)), 18, 0.05
    with running_sandbox(preset="tiny", windows=windows) as sandbox, client_of(sandbox) as client:
        allowed = 0
        while allowed < wanted:
            allowed += call(client).status_code == 200
        calls = sandbox.stats()["calls"]
    times = [found["at"] for found in calls if found["status"] == 200]
    for most, seconds in windows:
        assert all(later - earlier > seconds - accuracy for earlier, later in zip(times, times[most:], strict=False))
    for refused in (found["at"] for found in calls if found["status"] == 429):
        assert any(
            sum(refused - seconds - accuracy < time <= refused for time in times) >= most for most, seconds in windows
        )


def test_the_default_windows_are_the_documented_ones_without_retry_after() -> None:
    with running_sandbox(preset="tiny") as sandbox, client_of(sandbox) as client:
        answers = [call(client) for _ in range(51)]
        assert [answer.status_code for answer in answers] == [200] * 50 + [429]
        assert "retry-after" not in answers[-1].headers
        windows = [(window["calls"], window["seconds"]) for window in sandbox.stats()["windows"]]
        assert windows == [(50, 10.0), (2000, 3600.0)]


def test_every_call_counts_look_ups_refusals_and_logins_too(limited: RunningSandbox) -> None:
    with client_of(limited) as client:
        client.post("/general/login", json={})
        client.get("/nowhere")
        client.get("/customers/GetCustomerActionDetailsByDate")
        httpx.get(f"{limited.url}/general/GetLastDataUpdate", trust_env=False)
        assert [call(client).status_code for _ in range(2)] == [200, 429]
    assert limited.stats()["windows"][0]["most"] == 6


def test_controls_do_not_count(limited: RunningSandbox) -> None:
    for _ in range(20):
        limited.stats()
    with client_of(limited) as client:
        assert call(client).status_code == 200
    assert limited.stats()["windows"][0]["most"] == 1


def test_without_windows_nothing_is_refused(sandbox: RunningSandbox, client: httpx.Client) -> None:
    assert {call(client).status_code for _ in range(100)} == {200}
    assert sandbox.stats()["windows"] == []
