"""What columns mean, by their name: the same in every report (reference, sections 1.7 and 2)."""

from __future__ import annotations

from dataclasses import replace

from optimove_pipeline.feeds import Column
from optimove_pipeline.reports.report import Report

DESCRIPTIONS = {
    "action_id": "the action; report 18 has the names",
    "action_name": "the action's name",
    "campaign_id": "the campaign; report 24 has its details",
    "campaign_type": "kind of campaign, such as Test/Control",
    "changed_customer_attribute": "the attribute whose changes were asked for",
    "channel_id": "the execution channel; report 25 has the names",
    "channel_name": "the execution channel's name",
    "customer_id": "the customer",
    "end_date": "the last day",
    "error": "what went wrong, if the campaign failed",
    "event_id": "the event that was asked for",
    "final_customer_attribute": "the attribute's value after the change",
    "future_value": "the customer's future value",
    "is_multi_channel": "whether the campaign runs on several channels",
    "is_recurrence": "whether the campaign is a recurrence",
    "list_id": "the list that was sent to; not every send has one",
    "notes": "notes on the campaign",
    "promo_code": "promo codes, separated by commas; empty if there is none",
    "recipient_group_id": "the recipient group; 1 is the test group, or group A",
    "scheduled_time": "the time that the send was scheduled for",
    "send_id": "the send; may be empty",
    "start_date": "the first day",
    "status": "how the campaign went, such as Successful; after Failed there are no sends",
    "target_group_id": "the target group; report 17 has the names",
    "target_group_name": "the target group's name",
    "target_group_priority": "the target group's priority",
    "template_id": "the template of the send",
    "template_name": "the template's name",
}


def described(report: Report) -> Report:
    """Return the report with a description of every column that has none of its own."""
    return replace(report, columns=tuple(map(_described, report.columns)))


def _described(column: Column) -> Column:
    return column if column.description else replace(column, description=DESCRIPTIONS.get(column.name, ""))
