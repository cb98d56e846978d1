"""A complete pull over HTTP, driven by the API's own look-ups alone, ends with what the truth says."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx
import pytest

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.sandbox.truth import Choices, reports, truth
from optimove_pipeline_tests.sandbox.api import get, pull

DAYS = [date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)]
ATTRIBUTES = ("Alias", "AgentNotes", "VIP_Level")
CHANGED = ("Balance", "OptimailUnsubscribed")
CHOICES = Choices(attributes=ATTRIBUTES, changed_attributes=CHANGED, control_group=True, recipient_group_ids=True)
WITH_ATTRIBUTES = {"CustomerAttributes": ";".join(ATTRIBUTES)}
CONTROL = {"IncludeControlGroup": "true"}

Rows = list[dict[str, Any]]


def campaigns(client: httpx.Client, day: date) -> list[int]:
    return [row["CampaignID"] for row in pull(client, "actions/GetExecutedCampaignDetails", Date=day)]


def groups(client: httpx.Client, day: date) -> list[int]:
    return [row["TargetGroupID"] for row in pull(client, "groups/GetTargetGroupsByDate", Date=day)]


def channels(client: httpx.Client) -> list[int]:
    return [row["ChannelID"] for row in pull(client, "actions/GetExecutionChannels")]


def actions(client: httpx.Client) -> list[int]:
    return [row["ActionID"] for row in pull(client, "actions/GetAllActions")]


def once(client: httpx.Client, path: str, asked: list[dict[str, Any]], **fixed: object) -> Rows:
    """The rows of one function for many requests; what was asked for is put into each row."""
    return [{**row, **stamps} for stamps in asked for row in pull(client, path, **stamps, **fixed)]


def by_pair(client: httpx.Client, day: date) -> Rows:
    asked = [{"RecipientGroupID": group, "ActionID": action} for action in actions(client) for group in range(10)]
    return once(client, "customers/GetCustomersByAction", asked, Date=day, **WITH_ATTRIBUTES)


def by_campaign(path: str, **fixed: object) -> Callable[[httpx.Client, date], Rows]:
    return lambda client, day: once(client, path, [{"CampaignID": c} for c in campaigns(client, day)], **fixed)


def by_campaign_and_channel(path: str, **fixed: object) -> Callable[[httpx.Client, date], Rows]:
    def rows(client: httpx.Client, day: date) -> Rows:
        asked = [
            {"CampaignID": campaign, "ChannelID": channel["Id"]}
            for campaign in campaigns(client, day)
            for channel in get(client, "actions/GetCampaignDetails", CampaignID=campaign)["Channels"]
        ]
        return once(client, path, asked, **fixed)

    return rows


def by_group(path: str, **fixed: object) -> Callable[[httpx.Client, date], Rows]:
    return lambda client, day: once(
        client, path, [{"TargetGroupID": g} for g in groups(client, day)], Date=day, **fixed
    )


def by_date(path: str, **fixed: object) -> Callable[[httpx.Client, date], Rows]:
    return lambda client, day: pull(client, path, Date=day, **fixed)


def snapshot(path: str) -> Callable[[httpx.Client, date], Rows]:
    return lambda client, _: pull(client, path)


def changers(client: httpx.Client, _: date) -> Rows:
    asked = [{"ChangedCustomerAttribute": name} for name in CHANGED]
    return once(client, "customers/GetCustomerAttributeChangers", asked, **WITH_ATTRIBUTES)


def future_values(client: httpx.Client, _: date) -> Rows:
    stages = [row["StageID"] for row in pull(client, "model/GetLifecycleStageList")]
    return once(client, "customers/GetCustomerFutureValues", [{"LifecycleStageID": stage} for stage in stages])


def interactions(client: httpx.Client, day: date) -> Rows:
    events = (0, 1, 2, 3, 4, 5, 6, 9)
    asked = [{"ChannelID": channel, "EventID": event} for channel in channels(client) for event in events]
    return once(client, "customers/GetCampaignInteractionCustomers", asked, Date=day)


def activity(client: httpx.Client, day: date) -> Rows:
    events = [row["EventID"] for row in pull(client, "integrations/GetActivityEventList")]
    asked = [{"EventID": event} for event in events]
    return once(client, "customers/GetCustomersActivityEventAttributes", asked, Date=day)


def campaigns_by_channel(client: httpx.Client, day: date) -> Rows:
    asked = [{"ChannelID": channel} for channel in channels(client)]
    return once(client, "actions/GetExecutedCampaignsByChannel", asked, Date=day)


PULLS: dict[str, Callable[[httpx.Client, date], Rows]] = {
    "customers_by_action": by_pair,
    "customer_actions_by_target_group": by_group(
        "customers/GetCustomerActionsByTargetGroup",
        **CONTROL,
        **WITH_ATTRIBUTES,
        IncludeRecipientGroupID="true",
    ),
    "customer_one_time_actions_by_date": by_date(
        "customers/GetCustomerOneTimeActionsByDate", **CONTROL, **WITH_ATTRIBUTES
    ),
    "customer_one_time_actions_by_campaign": by_campaign(
        "customers/GetCustomerOneTimeActionsByCampaign", **CONTROL, **WITH_ATTRIBUTES
    ),
    "customer_attribute_changers": changers,
    "customer_future_values": future_values,
    "customer_action_details_by_date": by_date("customers/GetCustomerActionDetailsByDate"),
    "customer_action_ended_by_date": by_date("customers/GetCustomersActionEndedByDate"),
    "customer_execution_details_by_campaign": by_campaign_and_channel(
        "customers/GetCustomerExecutionDetailsByCampaign", **WITH_ATTRIBUTES
    ),
    "customer_send_details_by_campaign": by_campaign(
        "customers/GetCustomerSendDetailsByCampaign", IncludeTemplateIDs="true"
    ),
    "customer_send_details_by_channel": by_campaign_and_channel(
        "customers/GetCustomerSendDetailsByChannel", **WITH_ATTRIBUTES
    ),
    "currently_targeted_customers": snapshot("customers/GetCurrentlyTargetedCustomers"),
    "customer_product_details_by_date": by_date("customers/GetCustomerProductDetailsByDate"),
    "campaign_interaction_customers": interactions,
    "customers_activity_event_attributes": activity,
    "target_groups_by_date": by_date("groups/GetTargetGroupsByDate"),
    "target_group_details": snapshot("groups/GetTargetGroupDetails"),
    "all_actions": snapshot("actions/GetAllActions"),
    "actions_by_target_group": by_group("actions/GetActionsByTargetGroup"),
    "promo_codes": by_date("actions/GetPromoCodes"),
    "promo_codes_by_campaign": by_campaign("actions/GetPromoCodesByCampaign"),
    "promo_codes_by_target_group": by_group("actions/GetPromoCodesByTargetGroup"),
    "action_details_by_target_group": by_group("actions/GetActionDetailsByTargetGroup"),
    "executed_campaign_details": by_date("actions/GetExecutedCampaignDetails"),
    "execution_channels": snapshot("actions/GetExecutionChannels"),
    "executed_campaign_channel_details": by_campaign_and_channel("actions/GetExecutedCampaignChannelDetails"),
    "executed_campaigns_by_channel": campaigns_by_channel,
}
ONE_DAY = {  # snapshots, which have no other day, and the one that asks for each action and recipient group
    "customers_by_action",
    "customer_attribute_changers",
    "customer_future_values",
    "currently_targeted_customers",
    "target_group_details",
    "all_actions",
    "execution_channels",
}


def alike(rows: Rows) -> list[list[tuple[str, str]]]:
    """The rows in one order, their names without case and underscores, their values as text."""
    return sorted(
        sorted((name.replace("_", "").lower(), plain(value)) for name, value in row.items()) for row in rows
    )


def plain(value: object) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)


def as_table(rows: Rows) -> Rows:
    """The rows with every name of any row, customer attributes apart, and report 8's Date as the start."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [table_row({name: row.get(name) for name in names}) for row in rows]


def table_row(row: dict[str, Any]) -> dict[str, Any]:
    values = row.pop("CustomerAttributes", None)
    if "Date" in row:
        row["StartDate"] = row.pop("Date")
    if values is None:
        return row
    return {**row, **{f"Attribute{name}": value for name, value in zip(ATTRIBUTES, values, strict=True)}}


@pytest.mark.parametrize("report", reports())
def test_a_pull_over_http_ends_with_the_truth(client: httpx.Client, sandbox: RunningSandbox, report: str) -> None:
    for day in DAYS[-1:] if report in ONE_DAY else DAYS:
        pulled = PULLS[report](client, day)
        assert pulled
        assert alike(as_table(pulled)) == alike(truth(sandbox.tenant, report, day, CHOICES))


def test_the_truth_moves_on_with_the_date(client: httpx.Client, sandbox: RunningSandbox) -> None:
    report, day = "campaign_interaction_customers", DAYS[-1]
    before = truth(sandbox.tenant, report, day)
    assert alike(PULLS[report](client, day)) == alike(before)
    sandbox.set_today(date(2026, 11, 24))
    after = truth(sandbox.tenant, report, day)
    assert len(before) < len(after)
    assert alike(PULLS[report](client, day)) == alike(after)
    assert get(client, "general/GetLastDataUpdate") == {"Date": "2026-11-23"}
    assert pull(client, "customers/GetCustomerActionDetailsByDate", Date="2026-11-23")


def test_future_values_can_be_asked_for_by_an_attribute_and_its_value(
    client: httpx.Client, sandbox: RunningSandbox
) -> None:
    asked = {"CustomerAttribute": "VIP_Level", "CustomerAttributeValue": "Gold"}
    rows = pull(client, "customers/GetCustomerFutureValues", **asked)
    choices = Choices(with_value=("VIP_Level", "Gold"))
    assert rows
    assert alike(rows) == alike(truth(sandbox.tenant, "customer_future_values", DAYS[-1], choices))


def test_all_reports_of_a_day_cost_few_calls(client: httpx.Client, sandbox: RunningSandbox) -> None:
    for report in reports():
        if report != "customers_by_action":
            PULLS[report](client, DAYS[-1])
    one_call_per_page = [call for call in sandbox.stats()["calls"] if call["parameters"].get("$skip", "0") == "0"]
    assert len(one_call_per_page) < 250


def test_table_names_and_types_are_those_of_the_design(sandbox: RunningSandbox) -> None:
    day = DAYS[-1]
    (ended, *_) = truth(sandbox.tenant, "customer_action_ended_by_date", day)
    names = {"customer_id", "action_id", "channel_id", "start_date", "duration", "target_group_id"}
    assert ended.keys() == names
    assert isinstance(ended["start_date"], date)
    (send, *_) = truth(sandbox.tenant, "customer_send_details_by_channel", day, CHOICES)
    assert {"customer_id", "template_id", "scheduled_time", "campaign_id", "channel_id"} < send.keys()
    assert {"attribute_alias", "attribute_agent_notes", "attribute_vip_level"} < send.keys()
    assert isinstance(send["template_id"], str)
    assert isinstance(send["scheduled_time"], datetime)
