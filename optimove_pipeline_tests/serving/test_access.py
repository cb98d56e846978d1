"""Who may pull: keys, tokens, addresses, and how often."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.serving.access import Client, access_of
from optimove_pipeline.serving.limits import LastMinute, LoginLimit, PageLimit, RequestLimit
from optimove_pipeline.serving.problems import Problem
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline_tests.end_to_end.place import recorded_log
from optimove_pipeline_tests.serving.api import CLIENT, KEY, OAUTH, SECRET, SIGNING, Api, served, settings_of

BOTH = {"clients": [CLIENT, OAUTH], "signing_key": "${SIGNING_KEY}"}
PATHS = ("/v1/Customers", "/v1/Customers/schema", "/v1/tables", "/v1/readiness")
FORM = {"grant_type": "client_credentials", "client_id": "engineers", "client_secret": SECRET}


def code(api: Api, headers: dict[str, str], path: str = "/v1/Customers") -> tuple[int, str]:
    answer = api.get(path, headers)
    return answer.status_code, answer.json().get("code", "")


def token(api: Api, **changes: str) -> str:
    answer = api.client.post("/oauth/token", data={**FORM, **changes})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("path", [*PATHS, "/v1/Nothing"])
def test_nothing_of_the_tables_is_told_without_a_key(api: Api, path: str) -> None:
    assert code(api, {}, path) == (401, "missing_credential")
    assert code(api, {"X-API-Key": "wrong"}, path) == (401, "invalid_credential")
    assert code(api, {"X-API-Key": ""}, path) == (401, "invalid_credential")
    assert api.get(path, {}).headers["www-authenticate"] == 'ApiKey realm="api"'


def test_a_key_is_no_token_and_a_token_no_key(api: Api) -> None:
    assert code(api, {"Authorization": f"Bearer {KEY}"}) == (401, "invalid_credential")
    assert code(api, {"Authorization": f"Basic {KEY}"}) == (401, "missing_credential")
    assert api.client.post("/oauth/token", data=FORM).status_code == 404


def test_tokens_are_given_for_credentials_in_the_form_or_as_basic(tmp_path: Path) -> None:
    with served(tmp_path, **BOTH) as api:
        assert code(api, {"Authorization": f"Bearer {token(api)}"}) == (200, "")
        basic = base64.b64encode(f"engineers:{SECRET}".encode()).decode()
        answer = api.client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
        )
        assert code(api, {"authorization": f"bearer {answer.json()['access_token']}"}) == (200, "")
        assert answer.headers["cache-control"] == "no-store"
        assert api.get("/v1/Customers", {}).headers["www-authenticate"] == 'ApiKey realm="api", Bearer realm="api"'


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "optimove"}, 401, "invalid_client"),
        ({"client_id": "optimove", "client_secret": KEY}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "x" * 20_000}, 400, "invalid_request"),
    ],
)
def test_other_credentials_get_no_token(tmp_path: Path, changes: dict[str, str], status: int, error: str) -> None:
    with served(tmp_path, **BOTH) as api:
        answer = api.client.post("/oauth/token", data={**FORM, **changes})
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert ("www-authenticate" in answer.headers) == (status == 401)


def signed(key: str = SIGNING, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {"sub": "engineers", "aud": "api", "iat": now, "exp": now + 60, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)


def test_tokens_that_are_not_ours_or_hold_no_more_are_refused(tmp_path: Path) -> None:
    refused = [
        signed(exp=int(time.time()) - 1),
        signed(exp=None),
        signed(aud="another"),
        signed(key="t" * 32),
        signed(key="", algorithm="none"),
        signed(sub="nobody"),
        signed(sub="optimove"),
        signed()[:-2],
        "x.y",
    ]
    with served(tmp_path, **BOTH) as api:
        assert code(api, {"Authorization": f"Bearer {signed()}"}) == (200, "")
        found = [code(api, {"Authorization": f"Bearer {each}"}) for each in refused]
    assert found == [(401, "invalid_credential")] * len(refused)


def nested() -> str:
    """Return a token whose header is JSON of many levels."""
    return ".".join([base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("="), "e30", "eA"])


def test_credentials_of_any_bytes_are_refused_in_words(tmp_path: Path) -> None:
    with served(tmp_path, **BOTH) as api:
        odd: list[bytes] = ["Bearer é".encode("latin-1"), b"Bearer " + nested().encode(), b"Bearer"]
        found = [api.client.get("/v1/tables", headers={b"Authorization": each}) for each in odd]
        assert [answer.json()["code"] for answer in found] == [*["invalid_credential"] * 2, "missing_credential"]
        answer = api.client.get("/v1/tables", headers={b"X-API-Key": "é".encode("latin-1")})
        assert answer.json()["code"] == "invalid_credential"
        for each in ("Basic é", "Basic eA==", "Basic /w==", "Basic", "Digest eDp5"):
            headers = {b"Authorization": each.encode("latin-1")}
            answer = api.client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_only_the_addresses_that_are_set_may_connect(tmp_path: Path) -> None:
    with served(tmp_path, allow=["203.0.113.0/24"]) as api:
        assert code(api, {"X-API-Key": KEY}) == (403, "address_not_allowed")
        assert code(api, {"X-API-Key": KEY, "X-Forwarded-For": "203.0.113.7"}) == (403, "address_not_allowed")
        assert api.get("/openapi.json").status_code == 403
        assert api.get("/healthz", {}).json() == {"status": "ok"}
    with served(tmp_path, allow=["127.0.0.0/8"]) as api:
        assert code(api, {"X-API-Key": KEY}) == (200, "")


def test_behind_a_proxy_the_address_is_that_which_the_proxy_tells(tmp_path: Path) -> None:
    with served(tmp_path, allow=["203.0.113.0/24"], trusted_proxies=["127.0.0.1"]) as api:
        told = {
            "203.0.113.7": 200,
            "198.51.100.9": 403,
            "203.0.113.7, 198.51.100.9": 403,
            "198.51.100.9, 203.0.113.7": 200,
            "::ffff:203.0.113.7": 200,
            "::ffff:198.51.100.9": 403,
        }
        found = {each: code(api, {"X-API-Key": KEY, "X-Forwarded-For": each})[0] for each in told}
    assert found == told


def test_a_client_may_ask_so_often_a_minute_and_is_told_when_again(tmp_path: Path) -> None:
    other = {"name": "other", "key": "${PULL_SECRET}"}
    with served(tmp_path, clients=[{**CLIENT, "requests_per_minute": 3}, other]) as api:
        answers = [api.get("/v1/tables") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert code(api, {"X-API-Key": SECRET}) == (200, "")


def test_requests_count_for_a_minute() -> None:
    now, client = 100.0, Client("optimove", 2)
    limit = RequestLimit(LastMinute(clock=lambda: now))
    limit.take(client)
    now = 130.5
    limit.take(client)
    with pytest.raises(Problem) as refused:
        limit.take(client)
    assert refused.value.headers == {"Retry-After": "30"}
    now = 160.0
    limit.take(client)
    with pytest.raises(Problem):
        limit.take(client)


def test_failed_logins_of_an_address_count_for_a_minute_and_are_then_forgotten() -> None:
    now = 100.0
    failed = LastMinute(clock=lambda: now)
    limit = LoginLimit(failed)
    for _ in range(10):
        limit.check("203.0.113.7")
        limit.failure("203.0.113.7")
    now = 130.5
    with pytest.raises(Problem) as refused:
        limit.check("203.0.113.7")
    assert (refused.value.code, refused.value.headers) == ("too_many_failures", {"Retry-After": "30"})
    limit.check("203.0.113.8")
    now = 160.0
    limit.check("203.0.113.7")
    limit.failure("203.0.113.8")
    assert [*failed.counted] == ["203.0.113.8"]


def test_an_address_that_fails_to_log_in_too_often_must_wait(tmp_path: Path) -> None:
    with served(tmp_path, **BOTH, trusted_proxies=["127.0.0.1"]) as api:

        def status(address: str, **changes: str) -> int:
            answer = api.client.post("/oauth/token", data={**FORM, **changes}, headers={"X-Forwarded-For": address})
            assert ("retry-after" in answer.headers) == (answer.status_code == 429)
            return answer.status_code

        found = [status("203.0.113.7", client_secret="wrong") for _ in range(11)]
        assert found == [401] * 10 + [429]
        assert (status("203.0.113.7"), status("203.0.113.8")) == (429, 200)


def test_tokens_count_as_requests(tmp_path: Path) -> None:
    with served(tmp_path, clients=[{**OAUTH, "requests_per_minute": 2}], signing_key="${SIGNING_KEY}") as api:
        assert code(api, {"Authorization": f"Bearer {token(api)}"}) == (200, "")
        answer = api.client.post("/oauth/token", data=FORM)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")


def test_only_so_many_pages_are_under_way() -> None:
    pages = PageLimit(2)
    pages.take()
    pages.take()
    with pytest.raises(Problem) as refused:
        pages.take()
    assert (refused.value.status, refused.value.code) == (429, "too_many_pages")
    pages.give_back()
    pages.take()


def test_a_page_that_was_refused_or_sent_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    with served(tmp_path, pages_at_once=1) as api:
        for _ in range(3):
            assert api.get("/v1/Customers", cursor="x").status_code == 400
            assert api.get("/v1/Customers").status_code == 200


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PULL_KEY", "short", r"targets\.pull\.clients\.0\.key, \$\{PULL_KEY\}: expected at least 16 characters"),
        ("PULL_SECRET", "short", r"targets\.pull\.clients\.1\.secret, \$\{PULL_SECRET\}: expected at least 16"),
        ("SIGNING_KEY", "x" * 31, r"targets\.pull\.signing_key, \$\{SIGNING_KEY\}: expected at least 32"),
        ("PULL_KEY", "", "the environment variable PULL_KEY is not set"),
    ],
)
def test_a_weak_or_missing_credential_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings = settings_of(tmp_path, **BOTH).target("api")
    assert isinstance(settings, ApiSettings)
    with pytest.raises(SettingsError, match=message):
        access_of("pull", settings)


@pytest.mark.parametrize("credential", ["key", "secret"])
def test_a_credential_of_two_clients_is_refused(tmp_path: Path, credential: str) -> None:
    clients = [{"name": name, credential: "${PULL_KEY}"} for name in ("one", "two")]
    settings = settings_of(tmp_path, clients=clients, signing_key="${SIGNING_KEY}").target("api")
    assert isinstance(settings, ApiSettings)
    with pytest.raises(SettingsError, match=rf"targets\.pull\.clients: two have the same {credential}") as refused:
        access_of("pull", settings)
    assert KEY not in str(refused.value)


def test_neither_keys_nor_cursors_nor_customers_are_in_the_log_or_shown(tmp_path: Path) -> None:
    with recorded_log() as lines, served(tmp_path, **BOTH) as api:
        api.deliver([])
        bearer = token(api)
        api.get("/v1/Customers", {"Authorization": f"Bearer {bearer}"}, cursor="secret-cursor")
        api.get("/v1/C00001-unknown-path")
        api.get("/v1/Customers", {"X-API-Key": "wrong-key-of-somebody"})
        own = settings_of(tmp_path, **BOTH).target("api")
        assert isinstance(own, ApiSettings)
        shown = repr(access_of("api", own))
    told = "\n".join(lines)
    assert "GET /v1/Customers of engineers: 400" in told
    assert "GET an unknown path of optimove: 404" in told
    assert "GET /v1/Customers of nobody: 401" in told
    for hidden in (KEY, SECRET, SIGNING, bearer, "secret-cursor", "C00001", "wrong-key-of-somebody"):
        assert hidden not in told + shown
