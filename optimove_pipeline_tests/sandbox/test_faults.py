"""Each fault does what it says, through a real socket, for the calls that are meant and for no other."""

import json
from datetime import date
from itertools import pairwise
from time import monotonic
from typing import Any

import httpx
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox import faults
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.sandbox.api import get, pull

DAY = date(2026, 11, 19)
BY_DATE = "customers/GetCustomerActionDetailsByDate"
URL = f"/{BY_DATE}?Date=2026-11-19"


def page(client: httpx.Client, skip: int, top: int = 10) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = get(client, BY_DATE, Date=DAY, **{"$top": top, "$skip": skip})
    return rows


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("http_429", 429, '"error":"Too Many Requests"'),
        ("http_429_retry_after", 429, '"status":429'),
        ("http_500", 500, "Internal Server Error"),
        ("http_503", 503, "Service Unavailable"),
        ("html_page", 200, "<html>"),
        ("html_403", 403, "<html>"),
        ("json_string", 200, '"An error has occurred'),
        ("forbidden", 403, "Access denied"),
        ("unauthorized", 401, '"Unauthorized"'),
        ("expired_token", 403, "Authorization-Token Expired"),
        ("not_found", 404, "Not Found"),
        ("empty_body", 200, ""),
        ("null_body", 200, "null"),
    ],
)
def test_an_answer_is_replaced(
    client: httpx.Client, sandbox: RunningSandbox, name: str, status: int, text: str
) -> None:
    sandbox.faults(Fault(name, times=1))
    answer = client.get(URL)
    assert answer.status_code == status
    assert text in answer.text
    assert bool(answer.text) == bool(text)
    assert answer.headers.get("retry-after") == ("1" if name == "http_429_retry_after" else None)
    assert client.get(URL).status_code == 200


def test_a_timeout_answers_never(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("timeout", times=1))
    with pytest.raises(httpx.ReadTimeout):
        client.get(URL, timeout=0.3)
    assert client.get(URL).status_code == 200


def test_a_cut_connection_has_no_answer(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("cut_connection", times=1))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(URL)
    assert client.get(URL).status_code == 200


def test_a_cut_body_is_shorter_than_declared(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("cut_body", times=1))
    with client.stream("GET", URL) as answer:
        assert answer.status_code == 200
        declared = int(answer.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert 0 < answer.num_bytes_downloaded < declared
    assert client.get(URL).status_code == 200


def test_a_slow_body_comes_in_drops(client: httpx.Client, sandbox: RunningSandbox) -> None:
    whole = client.get(URL).json()
    sandbox.faults(Fault("slow_body", times=1))
    began = monotonic()
    assert client.get(URL).json() == whole
    assert monotonic() - began > 0.6


def test_truncated_json_is_whole_http(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("truncated_json", times=1))
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer.text.startswith("[")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_repeated_page_ignores_skip(client: httpx.Client, sandbox: RunningSandbox) -> None:
    first = page(client, 0)
    sandbox.faults(Fault("repeat_page"))
    assert page(client, 0) == page(client, 10) == page(client, 100_000) == first


def test_the_last_page_is_repeated_for_ever(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = pull(client, BY_DATE, Date=DAY)
    sandbox.faults(Fault("repeat_last_page"))
    assert page(client, 0) == rows[:10]
    assert page(client, len(rows)) == page(client, len(rows) + 10) == rows[-10:]


def test_duplicate_rows_begin_each_later_page(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = pull(client, BY_DATE, Date=DAY)
    sandbox.faults(Fault("duplicate_rows"))
    pages, skip = [], 0
    while found := page(client, skip):
        pages.append(found)
        skip += len(found)
    assert len(pages) > 2
    assert all(later[0] == earlier[-1] for earlier, later in pairwise(pages))
    assert [*pages[0], *(row for found in pages[1:] for row in found[1:])] == rows


def test_duplicate_rows_without_pages_repeat_the_first(client: httpx.Client, sandbox: RunningSandbox) -> None:
    actions = get(client, "actions/GetAllActions")
    sandbox.faults(Fault("duplicate_rows"))
    assert get(client, "actions/GetAllActions") == [*actions, actions[0]]


def test_clashing_rows_share_a_key_and_differ_in_value(client: httpx.Client, sandbox: RunningSandbox) -> None:
    path, asked = "customers/GetCustomerFutureValues", {"LifecycleStageID": 2}
    rows = pull(client, path, **asked)
    sandbox.faults(Fault("clashing_rows"))
    *same, clash = pull(client, path, **asked)
    assert same == rows
    assert clash["CustomerID"] == rows[0]["CustomerID"]
    assert clash["FutureValue"] != rows[0]["FutureValue"]


def test_wrong_types_put_text_where_numbers_belong(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = page(client, 0, 20)
    sandbox.faults(Fault("wrong_types"))
    broken = page(client, 0, 20)
    wrong = [number for number, row in enumerate(broken) if row != rows[number]]
    assert wrong == [0, 7, 14]
    assert all(broken[number]["RecipientGroupID"] == "not a number" for number in wrong)


def test_an_unknown_field_is_in_every_row(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = page(client, 0)
    sandbox.faults(Fault("unknown_field"))
    found = page(client, 0)
    assert [{**row, "LoyaltyTier": row["LoyaltyTier"]} for row in rows_without(found)] == found
    assert rows_without(found, "LoyaltyTier") == rows


def rows_without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def test_a_missing_field_is_in_no_row(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = page(client, 0)
    sandbox.faults(Fault("missing_field"))
    assert page(client, 0) == rows_without(rows, "ChannelID")


def test_a_missing_key_is_null_in_some_rows(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = page(client, 0)
    sandbox.faults(Fault("missing_key"))
    found = page(client, 0)
    assert [row["CustomerID"] for row in found] == [
        None if not number % 7 else row["CustomerID"] for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize(("name", "values"), [("bad_attributes", 3), ("few_attributes", 1)])
def test_attribute_values_do_not_fit_the_names(
    client: httpx.Client, sandbox: RunningSandbox, name: str, values: int
) -> None:
    path = "customers/GetCustomerOneTimeActionsByDate"
    asked = {"Date": DAY, "CustomerAttributes": "Alias;Country"}
    documented = pull(client, path, **asked)
    sandbox.faults(Fault(name))
    rows = pull(client, path, **asked)
    assert {len(row["CustomerAttributes"]) for row in rows} == {values}
    assert rows_without(rows, "CustomerAttributes") == rows_without(documented, "CustomerAttributes")


def test_every_fault_has_a_line_in_the_documentation_and_a_test_above() -> None:
    documented = faults.__doc__ or ""
    assert [name for name in faults.names() if name not in documented] == []
    # Those of SFTP are tested with its server.
    assert len(faults.names()) - len(faults.RECEIVING) == 28


def test_a_fault_is_for_its_function_and_parameters_only(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(
        Fault("http_500", function="getpromocodes", match={"Date": "2026-11-18"}),
        Fault("http_503", function="actions/GetAllActions"),
    )
    assert client.get("/actions/GetPromoCodes?Date=2026-11-18").status_code == 500
    assert client.get("/actions/GetPromoCodes?Date=2026-11-19").status_code == 200
    assert client.get("/actions/GetAllActions").status_code == 503
    assert client.get(URL).status_code == 200


def test_a_fault_begins_after_some_calls_and_ends_after_some(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("http_500", after=1, times=2), Fault("http_503", after=4, times=1))
    assert [client.get(URL).status_code for _ in range(6)] == [200, 500, 500, 200, 503, 200]


def test_of_two_faults_that_fit_the_first_is_met(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("http_500", times=1), Fault("http_503", times=2))
    assert [client.get(URL).status_code for _ in range(3)] == [500, 503, 200]


def test_an_empty_script_switches_everything_off(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("http_500"))
    assert client.get(URL).status_code == 500
    sandbox.faults()
    assert client.get(URL).status_code == 200
    (failed, fine) = sandbox.stats()["calls"]
    assert (failed["fault"], fine["fault"]) == ("http_500", None)


def test_a_fault_of_no_known_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="http_418"):
        Fault("http_418")
