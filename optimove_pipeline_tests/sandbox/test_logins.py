"""The older login keeps the documented rules: one token, one login a second, a life that use prolongs."""

from collections.abc import Iterator
from time import monotonic, sleep

import httpx
import pytest

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

TOKEN_SECONDS = 1.0
ASK_SECONDS = 0.02
"""Between two calls: whoever asks without a pause takes the processor from the sandbox."""
WHO = {"Username": "sandbox", "Password": "sandbox-password"}


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", windows=(), token_seconds=TOKEN_SECONDS) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        yield client


def log_in(client: httpx.Client, **who: str) -> httpx.Response:
    return client.post("/general/login", json=who or WHO)


def call(client: httpx.Client, token: str) -> httpx.Response:
    return client.get("/general/GetLastDataUpdate", headers={"Authorization-Token": token})


def log_in_again(client: httpx.Client) -> str:
    """The token of the first login that is let through."""
    while (answer := log_in(client)).status_code == 429:
        assert answer.json()["status"] == 429
        sleep(ASK_SECONDS)
    assert answer.status_code == 200
    token: str = answer.json()
    return token


def rest(sandbox: RunningSandbox, seconds: float) -> None:
    """Let time go by without using a token: controls don't."""
    began = monotonic()
    while monotonic() - began <= seconds:
        sleep(ASK_SECONDS)
        sandbox.stats()


def test_a_login_gives_a_bare_string_that_lets_in(client: httpx.Client, sandbox: RunningSandbox) -> None:
    answer = log_in(client)
    assert answer.status_code == 200
    assert answer.text == f'"{answer.json()}"'
    assert call(client, answer.json()).status_code == 200
    assert sandbox.stats()["logins"] == 1


def test_a_wrong_password_is_refused(client: httpx.Client) -> None:
    answer = log_in(client, Username="sandbox", Password="wrong")
    assert (answer.status_code, answer.json()) == (401, "Unauthorized")


def test_the_other_spelling_of_the_name_is_taken(client: httpx.Client) -> None:
    assert log_in(client, UserName="sandbox", Password="sandbox-password").status_code == 200


def test_a_second_login_within_a_second_is_too_many(client: httpx.Client) -> None:
    assert log_in(client, Username="sandbox", Password="wrong").status_code == 401
    assert log_in(client).status_code == 429


def test_a_login_while_the_token_is_good_is_too_many(client: httpx.Client) -> None:
    token = log_in(client).json()
    began = monotonic()
    while monotonic() - began < 1.2:
        assert call(client, token).status_code == 200
        sleep(ASK_SECONDS)
    assert log_in(client).status_code == 429
    assert call(client, token).status_code == 200


def test_use_prolongs_a_token_and_rest_ends_it(client: httpx.Client, sandbox: RunningSandbox) -> None:
    token = log_in(client).json()
    began = monotonic()
    while monotonic() - began < TOKEN_SECONDS + 0.3:
        assert call(client, token).status_code == 200
        sleep(ASK_SECONDS)
    rest(sandbox, TOKEN_SECONDS)
    answer = call(client, token)
    assert (answer.status_code, answer.text) == (403, "Authorization-Token Expired")
    assert call(client, log_in_again(client)).status_code == 200
    assert call(client, token).status_code == 403


def test_the_fault_ends_the_token_so_that_a_login_is_due(client: httpx.Client, sandbox: RunningSandbox) -> None:
    token = log_in(client).json()
    sandbox.faults(Fault("expired_token", times=1))
    assert call(client, token).text == "Authorization-Token Expired"
    assert call(client, token).status_code == 403
    assert call(client, log_in_again(client)).status_code == 200
