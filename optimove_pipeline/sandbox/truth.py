"""What a complete pull of a report for a day must end with, from the tenant itself and past the server."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.attributes import STAGES
from optimove_pipeline.sandbox.campaigns import Campaign
from optimove_pipeline.sandbox.catalog import ACTIVITY_EVENTS, INTERACTIONS, channels
from optimove_pipeline.sandbox.executions import Execution, executions
from optimove_pipeline.sandbox.functions import FUNCTIONS
from optimove_pipeline.sandbox.rows import Row, Segments, count, every_row
from optimove_pipeline.sandbox.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Choices:
    """What of a report is pulled, where its request leaves a choice.

    Args:
        attributes: Customer attributes of reports 1 to 5, 9 and 11, by real field name.
        changed_attributes: The attributes that report 5 is asked for.
        lifecycle_stages: The stages that report 6 is asked for, one by one.
        with_value: An attribute and its value that report 6 is asked for instead of stages.
        channels: The channels of reports 9, 11, 14, 26 and 27; None for all of the tenant.
        events: The interaction events of report 14.
        activity_events: The events of report 15.
        control_group: Whether reports 2, 3 and 4 include the control group (ActionID 1).
        recipient_group_ids: Whether report 2 tells the recipient group.
    """

    attributes: Sequence[str] = ()
    changed_attributes: Sequence[str] = ()
    lifecycle_stages: Sequence[int] = tuple(range(1, len(STAGES) + 1))
    with_value: tuple[str, str] | None = None
    channels: Sequence[int] | None = None
    events: Sequence[int] = INTERACTIONS
    activity_events: Sequence[int] = tuple(number for number, _ in ACTIVITY_EVENTS)
    control_group: bool = False
    recipient_group_ids: bool = False


EVERYTHING = Choices()

Asked = tuple[Mapping[str, object], Mapping[str, object]]
"""Parameters of one request, and the columns that its rows don't echo."""


@dataclass(frozen=True, slots=True)
class _Pull:
    """How a report is pulled: function, and the requests of a day."""

    function: str
    requests: Callable[["_Day"], list[Asked]]
    snapshot: bool = False
    attributes: bool = False


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of a tenant as the requests of a pull see it."""

    tenant: Tenant
    day: date
    choices: Choices

    @property
    def runs(self) -> tuple[Execution, ...]:
        return executions(self.tenant.options, self.day) if self.tenant.knows(self.day) else ()

    @property
    def campaigns(self) -> list[Campaign]:
        return [run.campaign for run in self.runs]

    @property
    def groups(self) -> list[int]:
        found = {run.campaign.target_group_id for run in self.runs if run.arms}
        return sorted(found - {0})

    @property
    def channels(self) -> Sequence[int]:
        return channels(self.tenant.options) if self.choices.channels is None else self.choices.channels


def truth(tenant: Tenant, report: str, day: date, choices: Choices = EVERYTHING) -> list[Row]:
    """Every row of a report for a day, in no order that matters.

    Column names and types are those of the report's table: names in snake_case, ``report_date`` left out, the
    request values that rows don't echo put in, a customer attribute as ``attribute_<name>``, report 8's own
    Date as ``start_date``. Ids of customers, sends and templates are text, times are naive datetimes, days are
    dates; report 15's ``event_date`` is text as served. An absent field is None.

    Reports that are asked by campaign answer for a campaign's latest run, since the request has no date: a
    recurring campaign's rows for an older day are those of its latest run, as they would be pulled now.

    Args:
        tenant: The tenant, whose date decides what is visible already (report 14).
        report: A name as in design: ``customers_by_action`` and so on.
        day: The partition. A snapshot is the one that had this day as its last data update.
        choices: What of the report is asked for.
    """
    pull = _PULLS[report]
    rows = [
        _table_row({**row, **stamps}, choices.attributes if pull.attributes else ())
        for segments, stamps in _answers(tenant, pull, day, choices)
        for row in every_row(segments)
    ]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


def truth_count(tenant: Tenant, report: str, day: date, choices: Choices = EVERYTHING) -> int:
    """How many rows ``truth`` would give, without making them."""
    return sum(count(segments) for segments, _ in _answers(tenant, _PULLS[report], day, choices))


def reports() -> tuple[str, ...]:
    """The names of all 27 reports."""
    return tuple(_PULLS)


def _answers(tenant: Tenant, pull: _Pull, day: date, choices: Choices) -> list[tuple[Segments, Mapping[str, object]]]:
    if pull.snapshot:
        tenant = replace(tenant, today=day + timedelta(days=1))
    function = FUNCTIONS[pull.function.lower()]
    found = []
    for parameters, stamps in pull.requests(_Day(tenant, day, choices)):
        wanted = {**parameters, "CustomerAttributes": ";".join(choices.attributes if pull.attributes else ())}
        asked = Arguments({name.lower(): str(value) for name, value in wanted.items()})
        answer = function.answer(tenant, asked)
        if isinstance(answer, tuple):
            found.append((answer, stamps))
    return found


def _table_row(row: Row, attributes: Sequence[str]) -> Row:
    values = row.pop("CustomerAttributes", ())
    if "Date" in row:
        row["StartDate"] = row.pop("Date")
    table = {snake_case(name): value for name, value in row.items()}
    named = {f"attribute_{snake_case(name)}": value for name, value in zip(attributes, values, strict=True)}
    return {**{name: _typed(name, value) for name, value in table.items()}, **named}


def snake_case(name: str) -> str:
    """``CustomerID`` → ``customer_id``, ``IsMultiChannel`` → ``is_multi_channel``, ``VIP_Level`` → ``vip_level``."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", name)
    return "_".join(part.lower() for part in parts)


def _typed(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in ("customer_id", "send_id", "template_id"):
        return str(value)
    if column in ("start_date", "end_date"):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if column in ("scheduled_time", "schedule_time") else value


def _once(_: _Day) -> list[Asked]:
    return [({}, {})]


def _by_date(at: _Day) -> list[Asked]:
    return [({"Date": at.day}, {})]


def _one_time_by_date(at: _Day) -> list[Asked]:
    return [({"Date": at.day, "IncludeControlGroup": at.choices.control_group}, {})]


def _by_pair(at: _Day) -> list[Asked]:
    pairs = dict.fromkeys((arm.offer.recipient_group_id, arm.offer.action_id) for run in at.runs for arm in run.arms)
    return [
        ({**(stamps := {"RecipientGroupID": group, "ActionID": action}), "Date": at.day}, stamps)
        for group, action in pairs
    ]


def _by_group(at: _Day) -> list[Asked]:
    options = {
        "Date": at.day,
        "IncludeControlGroup": at.choices.control_group,
        "IncludeRecipientGroupID": at.choices.recipient_group_ids,
    }
    return [({"TargetGroupID": group, **options}, {"TargetGroupID": group}) for group in at.groups]


def _by_campaign(at: _Day) -> list[Asked]:
    options = {"IncludeControlGroup": at.choices.control_group, "IncludeTemplateIDs": True}
    ids = [campaign.campaign_id for campaign in at.campaigns]
    return [({"CampaignID": number, **options}, {"CampaignID": number}) for number in ids]


def _by_campaign_and_channel(at: _Day) -> list[Asked]:
    return [
        (stamps := {"CampaignID": campaign.campaign_id, "ChannelID": channel}, stamps)
        for campaign in at.campaigns
        for channel in campaign.channels
        if channel in at.channels
    ]


def _by_channel(at: _Day) -> list[Asked]:
    return [({"Date": at.day, "ChannelID": channel}, {"ChannelID": channel}) for channel in at.channels]


def _by_channel_and_event(at: _Day) -> list[Asked]:
    return [
        ({"Date": at.day, **(stamps := {"ChannelID": channel, "EventID": event})}, stamps)
        for channel in at.channels
        for event in at.choices.events
    ]


def _by_activity_event(at: _Day) -> list[Asked]:
    return [({"Date": at.day, "EventID": event}, {"EventID": event}) for event in at.choices.activity_events]


def _by_changed_attribute(at: _Day) -> list[Asked]:
    return [(stamps := {"ChangedCustomerAttribute": name}, stamps) for name in at.choices.changed_attributes]


def _by_stage(at: _Day) -> list[Asked]:
    if at.choices.with_value:
        name, value = at.choices.with_value
        return [({"CustomerAttribute": name, "CustomerAttributeValue": value}, {})]
    return [(stamps := {"LifecycleStageID": stage}, stamps) for stage in at.choices.lifecycle_stages]


_PULLS: Mapping[str, _Pull] = MappingProxyType(
    {
        "customers_by_action": _Pull("customers/GetCustomersByAction", _by_pair, attributes=True),
        "customer_actions_by_target_group": _Pull(
            "customers/GetCustomerActionsByTargetGroup", _by_group, attributes=True
        ),
        "customer_one_time_actions_by_date": _Pull(
            "customers/GetCustomerOneTimeActionsByDate", _one_time_by_date, attributes=True
        ),
        "customer_one_time_actions_by_campaign": _Pull(
            "customers/GetCustomerOneTimeActionsByCampaign", _by_campaign, attributes=True
        ),
        "customer_attribute_changers": _Pull(
            "customers/GetCustomerAttributeChangers", _by_changed_attribute, snapshot=True, attributes=True
        ),
        "customer_future_values": _Pull("customers/GetCustomerFutureValues", _by_stage, snapshot=True),
        "customer_action_details_by_date": _Pull("customers/GetCustomerActionDetailsByDate", _by_date),
        "customer_action_ended_by_date": _Pull("customers/GetCustomersActionEndedByDate", _by_date),
        "customer_execution_details_by_campaign": _Pull(
            "customers/GetCustomerExecutionDetailsByCampaign", _by_campaign_and_channel, attributes=True
        ),
        "customer_send_details_by_campaign": _Pull("customers/GetCustomerSendDetailsByCampaign", _by_campaign),
        "customer_send_details_by_channel": _Pull(
            "customers/GetCustomerSendDetailsByChannel", _by_campaign_and_channel, attributes=True
        ),
        "currently_targeted_customers": _Pull("customers/GetCurrentlyTargetedCustomers", _once, snapshot=True),
        "customer_product_details_by_date": _Pull("customers/GetCustomerProductDetailsByDate", _by_date),
        "campaign_interaction_customers": _Pull("customers/GetCampaignInteractionCustomers", _by_channel_and_event),
        "customers_activity_event_attributes": _Pull(
            "customers/GetCustomersActivityEventAttributes", _by_activity_event
        ),
        "target_groups_by_date": _Pull("groups/GetTargetGroupsByDate", _by_date),
        "target_group_details": _Pull("groups/GetTargetGroupDetails", _once, snapshot=True),
        "all_actions": _Pull("actions/GetAllActions", _once, snapshot=True),
        "actions_by_target_group": _Pull("actions/GetActionsByTargetGroup", _by_group),
        "promo_codes": _Pull("actions/GetPromoCodes", _by_date),
        "promo_codes_by_campaign": _Pull("actions/GetPromoCodesByCampaign", _by_campaign),
        "promo_codes_by_target_group": _Pull("actions/GetPromoCodesByTargetGroup", _by_group),
        "action_details_by_target_group": _Pull("actions/GetActionDetailsByTargetGroup", _by_group),
        "executed_campaign_details": _Pull("actions/GetExecutedCampaignDetails", _by_date),
        "execution_channels": _Pull("actions/GetExecutionChannels", _once, snapshot=True),
        "executed_campaign_channel_details": _Pull(
            "actions/GetExecutedCampaignChannelDetails", _by_campaign_and_channel
        ),
        "executed_campaigns_by_channel": _Pull("actions/GetExecutedCampaignsByChannel", _by_channel),
    }
)
