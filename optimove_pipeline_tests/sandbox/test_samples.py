"""Every documented sample's keys are in the answers, with values of the same types.

The samples are Optimove's own, as far as they are public; for reports 9, 13, 14 and 15 there are none.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from optimove_pipeline.sandbox.process import running_sandbox
from optimove_pipeline_tests.sandbox.api import client_of, get, pull

DAY = date(2026, 11, 19)
ATTRIBUTES = {"CustomerAttributes": "Alias;Country"}
OF_CHANNEL = {"CampaignID": "campaign", "ChannelID": 504}
OF_DAY = {"Date": DAY}
OF_GROUP = {"TargetGroupID": "group", "Date": DAY}

SAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "customers/GetCustomersByAction",
        {"RecipientGroupID": 1, "ActionID": "action", **OF_DAY, **ATTRIBUTES},
        {"CustomerID": "231342", "CustomerAttributes": ["BuddyZZ", "UK"]},
    ),
    (
        "customers/GetCustomersByAction",
        {"RecipientGroupID": 1, "ActionID": "action", **OF_DAY},
        {"CustomerID": "231342"},
    ),
    (
        "customers/GetCustomerActionsByTargetGroup",
        {**OF_GROUP, **ATTRIBUTES},
        {"CustomerID": "A1342", "ActionID": 49, "ChannelID": 6, "CustomerAttributes": ["BuddyZZ", "UK"]},
    ),
    (
        "customers/GetCustomerOneTimeActionsByDate",
        {**OF_DAY, **ATTRIBUTES},
        {"CustomerID": "8D871", "ActionID": 19, "ChannelID": 504, "CustomerAttributes": ["Yo999", "UA"]},
    ),
    (
        "customers/GetCustomerOneTimeActionsByCampaign",
        {"CampaignID": "one-time", **ATTRIBUTES},
        {
            "CustomerID": "8D871",
            "RecipientGroupID": 1,
            "ActionID": 19,
            "ChannelID": 504,
            "CustomerAttributes": ["Yo999", "UA"],
        },
    ),
    (
        "customers/GetCustomerAttributeChangers",
        {"ChangedCustomerAttribute": "OptimailUnsubscribed", **ATTRIBUTES},
        {
            "CustomerID": "91343",
            "InitialCustomerAttribute": "SuperBrand",
            "FinalCustomerAttribute": "Super Brand, Mega Brand",
            "CustomerAttributes": ["Pax65", "DE"],
        },
    ),
    (
        "customers/GetCustomerFutureValues",
        {"LifecycleStageID": "1,2,3"},
        {"CustomerID": "631942", "FutureValue": 342.65},
    ),
    (
        "customers/GetCustomerActionDetailsByDate",
        OF_DAY,
        {"CustomerID": "231342", "RecipientGroupID": 1, "ActionID": 42, "ChannelID": 10},
    ),
    (
        "customers/GetCustomersActionEndedByDate",
        OF_DAY,
        {
            "CustomerID": "231342",
            "ActionID": 428,
            "ChannelID": 4,
            "Date": "2014-12-03",
            "Duration": 7,
            "TargetGroupID": 15,
        },
    ),
    (
        "customers/GetCustomerSendDetailsByCampaign",
        {"CampaignID": 104, "IncludeTemplateIDs": "True"},
        {
            "CustomerID": "231342",
            "ChannelID": 4,
            "ScheduledTime": "2015-12-30 10:30:00",
            "SendID": "HG65D",
            "TemplateID": 12,
        },
    ),
    (
        "customers/GetCustomerSendDetailsByCampaign",
        {"CampaignID": 104},
        {"CustomerID": "231342", "ChannelID": 4, "ScheduledTime": "2015-12-30 10:30:00", "SendID": "HG65D"},
    ),
    (
        "customers/GetCustomerSendDetailsByChannel",
        {**OF_CHANNEL, **ATTRIBUTES},
        {
            "CustomerID": "96134",
            "TemplateID": 14,
            "ScheduledTime": "2016-08-30 10:00:00",
            "CustomerAttributes": ["jdavis@aol.com", "US"],
        },
    ),
    (
        "customers/GetCurrentlyTargetedCustomers",
        {},
        {
            "CustomerID": "231342",
            "CampaignID": 428,
            "ActionID": 4,
            "StartDate": "2015-12-30",
            "EndDate": "2016-01-02",
        },
    ),
    ("groups/GetTargetGroupsByDate", OF_DAY, {"TargetGroupID": 9}),
    (
        "groups/GetTargetGroupDetails",
        {},
        {"TargetGroupID": 1, "TargetGroupName": "New UK", "TargetGroupPriority": 1},
    ),
    ("actions/GetAllActions", {}, {"ActionID": 1, "ActionName": "10% Bonus"}),
    ("actions/GetActionsByTargetGroup", OF_GROUP, {"RecipientGroupID": 1, "ActionID": 23}),
    (
        "actions/GetPromoCodes",
        OF_DAY,
        {"TargetGroupID": 9, "RecipientGroupID": 1, "ActionID": 24, "PromoCode": "HEP-FEB"},
    ),
    (
        "actions/GetPromoCodesByCampaign",
        {"CampaignID": 104},
        {"RecipientGroupID": 1, "ActionID": 24, "PromoCode": "HEP-75-FEB"},
    ),
    (
        "actions/GetPromoCodesByTargetGroup",
        OF_GROUP,
        {"RecipientGroupID": 1, "ActionID": 24, "PromoCode": "HEP-FEB"},
    ),
    (
        "actions/GetActionDetailsByTargetGroup",
        OF_GROUP,
        {"RecipientGroupID": 1, "ActionID": 65, "Duration": 7, "LeadTime": 0, "ChannelID": 1},
    ),
    (
        "actions/GetExecutedCampaignDetails",
        OF_DAY,
        {
            "CampaignID": 1,
            "CampaignType": "Test/Control",
            "Duration": 1,
            "Error": "",
            "IsMultiChannel": True,
            "IsRecurrence": False,
            "LeadTime": 0,
            "Notes": "",
            "Status": "Successful",
            "TargetGroupID": 61,
        },
    ),
    ("actions/GetExecutionChannels", {}, {"ChannelID": 1, "ChannelName": "Silverpop"}),
    (
        "actions/GetExecutedCampaignsByChannel",
        {"ChannelID": 504, **OF_DAY},
        {"CampaignID": 12},
    ),
    ("model/GetCustomerAttributeList", {}, {"RealFieldName": "Affiliate", "Description": "Acquisition affiliate"}),
    ("model/GetLifecycleStageList", {}, {"StageID": 1, "StageName": "New"}),
    (
        "model/GetMicrosegmentList",
        {},
        {
            "MicrosegmentID": 1,
            "MicrosegmentName": "DWag1-Europe-Winner",
            "LifecycleStageID": 1,
            "FutureValue": 870.55,
            "ChurnRate": 0.55,
        },
    ),
    ("integrations/GetChannelTemplates", {"ChannelID": 504}, {"TemplateID": 1, "TemplateName": "Welcome"}),
    ("integrations/GetPromotions", {}, {"PromoCode": "WB23", "PromotionName": "Welcome back Promo"}),
]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        running_sandbox(preset="tiny", today=date(2026, 11, 20), windows=()) as sandbox,
        client_of(sandbox) as client,
    ):
        yield client


def types(row: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items()}


def known(client: httpx.Client) -> dict[str, Any]:
    """A group, an action, a campaign on channel 504 and a one-time campaign of the day, to put into requests."""
    campaigns = get(client, "actions/GetExecutedCampaignDetails", Date=DAY)
    group = get(client, "groups/GetTargetGroupsByDate", Date=DAY)[0]["TargetGroupID"]
    actions = get(client, "actions/GetActionsByTargetGroup", TargetGroupID=group, Date=DAY)
    return {
        "group": group,
        "action": next(row["ActionID"] for row in actions if row["RecipientGroupID"] == 1),
        "campaign": get(client, "actions/GetExecutedCampaignsByChannel", ChannelID=504, Date=DAY)[0]["CampaignID"],
        "one-time": next(row["CampaignID"] for row in campaigns if row["TargetGroupID"] == 0),
    }


@pytest.mark.parametrize(
    ("path", "asked", "sample"), SAMPLES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_rows_have_the_keys_and_types_of_the_sample(
    client: httpx.Client, path: str, asked: dict[str, Any], sample: dict[str, Any]
) -> None:
    words = known(client)
    rows = pull(client, path, **{name: words.get(str(value), value) for name, value in asked.items()})
    assert rows
    assert all(row.keys() == sample.keys() for row in rows)
    nullable = {"InitialCustomerAttribute", "FinalCustomerAttribute"}
    for row in rows:
        assert {k: t for k, t in types(row).items() if row[k] is not None or k not in nullable}.items() <= (
            types(sample).items()
        )


def test_batches_have_an_optional_list_and_a_send_that_may_be_empty(client: httpx.Client) -> None:
    sample = {"ListID": 12, "SendID": "YTGF3C", "TemplateID": 520, "ScheduledTime": "2015-12-30 08:00:00"}
    batches = [
        row
        for day in range(1, 20)
        for campaign in get(client, "actions/GetExecutedCampaignDetails", Date=date(2026, 11, day))
        for row in pull(
            client, "actions/GetExecutedCampaignChannelDetails", CampaignID=campaign["CampaignID"], ChannelID=504
        )
    ]
    assert all(types(row).items() <= types(sample).items() for row in batches)
    assert {len(row) for row in batches} == {3, 4}
    assert any(row["SendID"] == "" for row in batches)


@pytest.mark.parametrize(
    ("path", "asked", "sample"),
    [
        ("general/GetLastDataUpdate", {}, {"Date": "2015-08-13"}),
        ("actions/GetActionName", {"ActionID": 4}, {"ActionName": "10% summer bonus"}),
        ("groups/GetTargetGroupName", {"TargetGroupID": 4}, {"TargetGroupName": "Ireland VIPs"}),
        (
            "actions/GetCampaignDetails",
            {"CampaignID": 104},
            {
                "TargetGroupID": 15,
                "CampaignType": "Test/Control",
                "Duration": 7,
                "LeadTime": 3,
                "Notes": "",
                "IsMultiChannel": False,
                "IsRecurrence": False,
                "Status": "Successful",
                "Error": "",
                "TestGroupSize": 10,
                "ControlGroupSize": 1,
                "Channels": [{"Id": 504}],
                "Tags": ["tag"],
            },
        ),
    ],
)
def test_look_ups_of_one_thing_answer_with_one_object(
    client: httpx.Client, path: str, asked: dict[str, Any], sample: dict[str, Any]
) -> None:
    assert types(get(client, path, **asked)) == types(sample)
