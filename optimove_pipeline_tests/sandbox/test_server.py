"""The server speaks HTTP and JSON as documented, in the forms that its options choose."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.sandbox.api import client_of, get, pages, pull

DAY = date(2026, 11, 19)
CAMPAIGN, CHANNEL = 104, 504
BY_DATE = "customers/GetCustomerActionDetailsByDate"


@contextmanager
def client_with(**options: Any) -> Iterator[httpx.Client]:
    chosen = {"preset": "tiny", "today": date(2026, 11, 20), "windows": (), **options}
    with running_sandbox(**chosen) as sandbox, client_of(sandbox) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/current/actions/GetExecutedCampaignDetails",
        "/Actions/GetExecutedCampaignDetails",
        "/current/Actions/getexecutedcampaigndetails",
        "/CURRENT/actions/GETEXECUTEDCAMPAIGNDETAILS",
    ],
)
def test_both_path_forms_answer_in_any_case(client: httpx.Client, sandbox: RunningSandbox, path: str) -> None:
    root = sandbox.url.removesuffix("/current")
    answer = client.get(root + path, params={"date": "2026-11-19"})
    assert answer.status_code == 200
    assert answer.json() == get(client, "actions/GetExecutedCampaignDetails", Date=DAY)
    assert answer.headers["content-type"].startswith("application/json")


def test_parameter_names_may_be_encoded_and_of_any_case(client: httpx.Client) -> None:
    plain = client.get(f"/{BY_DATE}?Date=2026-11-19&$top=3&$skip=2").json()
    encoded = client.get(f"/{BY_DATE}?date=2026-11-19&%24TOP=3&%24Skip=2").json()
    assert len(plain) == 3
    assert plain == encoded


def test_a_key_is_needed_and_checked(sandbox: RunningSandbox) -> None:
    url = f"{sandbox.url}/{BY_DATE}?Date=2026-11-19"
    for headers in ({}, {"X-API-KEY": "wrong"}, {"Authorization-Token": "never issued"}):
        answer = httpx.get(url, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, "Unauthorized")


def test_unknown_functions_and_wrong_verbs_are_refused(client: httpx.Client) -> None:
    unknown = client.get("/customers/GetNothing")
    assert (unknown.status_code, unknown.text) == (404, "Not Found")
    wrong = client.post(f"/{BY_DATE}", json={})
    assert (wrong.status_code, wrong.json()) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        (BY_DATE, {}),
        (BY_DATE, {"Date": "19.11.2026"}),
        ("customers/GetCustomersByAction", {"Date": DAY, "ActionID": "x", "RecipientGroupID": 1}),
        ("customers/GetCustomerOneTimeActionsByDate", {"Date": DAY, "IncludeControlGroup": "maybe"}),
        ("customers/GetCustomerOneTimeActionsByDate", {"Date": DAY, "CustomerAttributes": "Alias;NoSuchName"}),
        ("customers/GetCustomerAttributeChangers", {"ChangedCustomerAttribute": "Alias;Country"}),
        ("customers/GetCustomerFutureValues", {}),
        ("customers/GetCustomerFutureValues", {"LifecycleStageID": 1, "CustomerAttribute": "Country"}),
        ("customers/GetCustomerFutureValues", {"LifecycleStageID": "1,two"}),
    ],
)
def test_missing_and_malformed_parameters_are_bad_requests(
    client: httpx.Client, path: str, parameters: dict[str, Any]
) -> None:
    answer = client.get(f"/{path}", params=parameters)
    assert answer.status_code == 400
    assert answer.text


def test_pages_join_to_the_whole_and_end_with_an_empty_one(client: httpx.Client) -> None:
    whole = get(client, BY_DATE, Date=DAY)
    found = list(pages(client, BY_DATE, 7, Date=DAY))
    assert [row for page in found for row in page] == whole
    assert all(len(page) == 7 for page in found[:-1])
    assert get(client, BY_DATE, Date=DAY, **{"$skip": len(whole)}) == []


def test_a_larger_or_missing_top_is_cut_to_the_cap() -> None:
    with client_with(page_cap=5) as client:
        assert len(get(client, BY_DATE, Date=DAY)) == 5
        assert len(get(client, BY_DATE, Date=DAY, **{"$top": 20})) == 5
        assert len(get(client, BY_DATE, Date=DAY, **{"$top": 2})) == 2


def test_functions_outside_customers_have_no_pages(client: httpx.Client) -> None:
    actions = get(client, "actions/GetAllActions", **{"$top": 1, "$skip": 3})
    assert len(actions) == 20


@pytest.mark.parametrize(
    ("style", "status", "body"),
    [("array", 200, "[]"), ("body", 200, ""), ("null", 200, "null"), ("404", 404, "Not Found")],
)
def test_empty_answers_have_the_chosen_form(style: str, status: int, body: str) -> None:
    with client_with(empty=style) as client:
        for path, parameters in (
            (BY_DATE, {"Date": "2020-01-01"}),
            ("customers/GetCustomerSendDetailsByCampaign", {"CampaignID": "7"}),
            ("actions/GetPromoCodes", {"Date": "2026-11-20"}),
            ("actions/GetCampaignDetails", {"CampaignID": "99999999"}),
        ):
            answer = client.get(f"/{path}", params=parameters)
            assert (answer.status_code, answer.text) == (status, body)
        assert get(client, BY_DATE, Date=DAY)


def test_drift_changes_the_form_and_not_the_content(client: httpx.Client) -> None:
    drift = {"key_drift": True, "numbers_as_text": True, "flags_as_text": True, "attributes_as_text": True}
    asked = {"Date": DAY, "CustomerAttributes": "Country;Email"}
    with client_with(**drift) as drifted:
        (channel, *_) = get(drifted, "actions/GetExecutionChannels")
        assert channel == {"ChannelId": "504", "ChannelName": "Email"}
        (campaign, *_) = get(drifted, "actions/GetExecutedCampaignDetails", Date=DAY)
        assert campaign["IsRecurrence"] == "true"
        rows = get(drifted, "customers/GetCustomerOneTimeActionsByDate", **asked)
        documented = get(client, "customers/GetCustomerOneTimeActionsByDate", **asked)
        assert [row["CustomerAttribute"] for row in rows] == [
            ",".join(row["CustomerAttributes"]) for row in documented
        ]
        other = get(drifted, "customers/GetCustomerOneTimeActionsByDate", **asked, CustomerAttributesDelimiter="|")
        assert "|" in other[0]["CustomerAttribute"]


def test_gzip_is_used_when_asked_for(client: httpx.Client) -> None:
    plain = client.get(f"/{BY_DATE}?Date=2026-11-19", headers={"Accept-Encoding": "identity"})
    packed = client.get(f"/{BY_DATE}?Date=2026-11-19", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.json() == plain.json()


def test_one_connection_serves_many_calls(sandbox: RunningSandbox) -> None:
    with client_of(sandbox) as client:
        streams = set()
        for _ in range(5):
            with client.stream("GET", "/general/GetLastDataUpdate") as answer:
                streams.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
                answer.read()
    assert len(streams) == 1


def test_optional_fields_come_on_demand_only(client: httpx.Client) -> None:
    sends = "customers/GetCustomerSendDetailsByCampaign"
    assert "TemplateID" not in pull(client, sends, CampaignID=CAMPAIGN)[0]
    assert "TemplateID" in pull(client, sends, CampaignID=CAMPAIGN, IncludeTemplateIDs="True")[0]
    (group, *_) = get(client, "groups/GetTargetGroupsByDate", Date=DAY)
    by_group = "customers/GetCustomerActionsByTargetGroup"
    assert "RecipientGroupID" not in pull(client, by_group, Date=DAY, **group)[0]
    assert "RecipientGroupID" in pull(client, by_group, Date=DAY, **group, IncludeRecipientGroupID="true")[0]
    assert "CustomerAttributes" not in pull(client, by_group, Date=DAY, **group)[0]


def test_channel_filters_keep_the_rows_of_the_channel(client: httpx.Client) -> None:
    groups = get(client, "groups/GetTargetGroupsByDate", Date=DAY)
    campaigns = get(client, "actions/GetExecutedCampaignDetails", Date=DAY)
    asked = [
        *(("customers/GetCustomerActionsByTargetGroup", {**group, "Date": DAY}) for group in groups),
        *(
            (f"customers/{name}", {"CampaignID": campaign["CampaignID"]})
            for name in ("GetCustomerOneTimeActionsByCampaign", "GetCustomerExecutionDetailsByCampaign")
            for campaign in campaigns
        ),
    ]
    for path, parameters in asked:
        everything = pull(client, path, **parameters)
        assert pull(client, path, **parameters, ChannelID=0) == everything
        for channel in (504, 505, 506):
            kept = [row for row in everything if row["ChannelID"] == channel]
            assert pull(client, path, **parameters, ChannelID=channel) == kept


def test_future_values_of_several_stages_or_of_an_attribute_are_those_of_the_customers(client: httpx.Client) -> None:
    path = "customers/GetCustomerFutureValues"
    by_stage = [row for stage in (1, 2, 3, 4) for row in pull(client, path, LifecycleStageID=stage)]
    together = pull(client, path, LifecycleStageID="1,2,3,4")
    by_country = pull(client, path, CustomerAttribute="Country", CustomerAttributeValue="UK")

    def values(rows: list[dict[str, Any]]) -> dict[str, float]:
        return {row["CustomerID"]: row["FutureValue"] for row in rows}

    assert values(by_stage) == values(together)
    assert by_country
    assert values(by_country).items() < values(together).items()


def test_look_ups_agree_with_the_lists(client: httpx.Client) -> None:
    (_, action, *_) = get(client, "actions/GetAllActions")
    assert get(client, "actions/GetActionName", ActionID=action["ActionID"]) == {"ActionName": action["ActionName"]}
    assert get(client, "actions/GetActionID", ActionName=action["ActionName"]) == {"ActionID": action["ActionID"]}
    (group, *_) = get(client, "groups/GetTargetGroupDetails")
    number, name = group["TargetGroupID"], group["TargetGroupName"]
    assert get(client, "groups/GetTargetGroupName", TargetGroupID=number) == {"TargetGroupName": name}
    assert get(client, "groups/GetTargetGroupID", TargetGroupName=name) == {"TargetGroupID": number}
    templates = {row["TemplateID"] for row in get(client, "integrations/GetChannelTemplates", ChannelID=CHANNEL)}
    (campaign, *_) = get(client, "actions/GetExecutedCampaignsByChannel", ChannelID=CHANNEL, Date=DAY)
    sent = pull(client, "customers/GetCustomerSendDetailsByChannel", **campaign, ChannelID=CHANNEL)
    assert sent
    assert {row["TemplateID"] for row in sent} <= templates
    codes = {row["PromoCode"] for row in get(client, "integrations/GetPromotions")}
    used = {row["PromoCode"] for row in get(client, "actions/GetPromoCodes", Date=DAY)}
    assert {code for text in used for code in text.split(",") if code} <= codes


def test_every_listed_attribute_can_be_asked_for(client: httpx.Client) -> None:
    names = [row["RealFieldName"] for row in get(client, "model/GetCustomerAttributeList")]
    assert len(names) == 25
    path = "customers/GetCustomerOneTimeActionsByDate"
    for row in pull(client, path, Date=DAY, CustomerAttributes=";".join(names)):
        assert len(row["CustomerAttributes"]) == 25
    reversed_ = pull(client, path, Date=DAY, CustomerAttributes=";".join(reversed(names)))
    forward = pull(client, path, Date=DAY, CustomerAttributes=";".join(names))
    assert reversed_[0]["CustomerAttributes"] == forward[0]["CustomerAttributes"][::-1]


def test_event_listeners_are_kept_one_for_each_event_and_channel(client: httpx.Client) -> None:
    listed = "general/GetRegisteredEventListeners"
    assert get(client, listed) == []
    for url in ("https://example.com/old", "https://example.com/new"):
        answer = client.post("/general/RegisterEventListener", json={"EventTypeID": 3, "ListenerURL": url})
        assert (answer.status_code, answer.content) == (200, b"")
    client.post("/general/RegisterEventListener", json={"EventTypeID": 13, "ChannelID": 504, "ListenerURL": "u"})
    assert get(client, listed) == [
        {"EventTypeID": 3, "ListenerURL": "https://example.com/new"},
        {"EventTypeID": 13, "ListenerURL": "u", "ChannelID": 504},
    ]
    assert client.post("/general/UnregisterEventListener", json={"EventTypeID": 3}).status_code == 200
    assert [row["EventTypeID"] for row in get(client, listed)] == [13]
    refused = client.post("/general/RegisterEventListener", json={"EventTypeID": 99, "ListenerURL": "u"})
    assert refused.status_code == 400


def test_latency_is_waited_for_and_seen(sandbox: RunningSandbox) -> None:
    with running_sandbox(preset="tiny", latency=0.15, jitter=0.05) as slow, client_of(slow) as client:
        get(client, "general/GetLastDataUpdate")
        (call,) = slow.stats()["calls"]
    assert call["milliseconds"] >= 150


def test_every_call_is_remembered(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = get(client, BY_DATE, Date=DAY)
    client.get("/current/nothing")
    client.get(f"/{BY_DATE}", headers={"X-API-KEY": "wrong"})
    stats = sandbox.stats()
    assert stats["total"] == 3
    assert stats["rows"] == len(rows)
    assert stats["by_status"] == {"200": 1, "404": 1, "401": 1}
    assert stats["by_function"][BY_DATE] == 2
    assert stats["most_in_flight"] == 1
    (call, *_) = stats["calls"]
    assert call["parameters"] == {"date": "2026-11-19"}
    assert call["rows"] == len(rows)
    times = [call["at"] for call in stats["calls"]]
    assert times == sorted(times)
    sandbox.reset()
    assert sandbox.stats()["total"] == 0


def test_controls_refuse_what_they_do_not_know(sandbox: RunningSandbox) -> None:
    root = sandbox.url.removesuffix("current")
    wrong_fault = httpx.post(f"{root}sandbox/faults", json=[{"fault": "nonsense"}], trust_env=False)
    assert (wrong_fault.status_code, "nonsense" in wrong_fault.text) == (400, True)
    wrong_day = httpx.post(f"{root}sandbox/today", json={"today": "soon"}, trust_env=False)
    assert wrong_day.status_code == 400
    health = httpx.get(f"{root}sandbox/health", trust_env=False).json()
    assert health == {"status": "ok", "last_data_update": "2026-11-19"}
