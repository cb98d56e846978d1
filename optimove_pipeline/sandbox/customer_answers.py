"""Answers of the functions about customers of campaigns: reports 1 to 4 and 7 to 12 (reference, section 2)."""

from collections.abc import Iterator
from datetime import date, timedelta

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.asked_runs import run_of_campaign, runs_of_day
from optimove_pipeline.sandbox.audience import members
from optimove_pipeline.sandbox.campaigns import LONGEST_DURATION
from optimove_pipeline.sandbox.catalog import template_name
from optimove_pipeline.sandbox.executions import Arm, Execution, Send, executions
from optimove_pipeline.sandbox.rows import Row, Segment, Segments
from optimove_pipeline.sandbox.tenant import Tenant


def customers_by_action(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 1. The customers of all campaigns that gave this action to this recipient group on the day."""
    recipient_group, action = asked.integer("RecipientGroupID"), asked.integer("ActionID")
    attributes = asked.attributes()
    return tuple(
        members(run, arm, ({},), attributes)
        for run in runs_of_day(tenant, asked)
        for arm in run.arms
        if (arm.offer.recipient_group_id, arm.offer.action_id) == (recipient_group, action)
    )


def actions_by_target_group(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 2. One row for each customer and channel; control rows have ActionID 1 and the first channel."""
    group = asked.integer("TargetGroupID")
    with_group = asked.flag("IncludeRecipientGroupID")
    runs = [run for run in runs_of_day(tenant, asked) if group and run.campaign.target_group_id == group]
    return _actions(runs, asked, with_recipient_group=with_group)


def one_time_actions_by_date(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 3. As report 2, for campaigns on ad hoc lists."""
    runs = [run for run in runs_of_day(tenant, asked) if run.campaign.one_time]
    return _actions(runs, asked, with_recipient_group=False)


def one_time_actions_by_campaign(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 4. Nothing for a campaign on a target group."""
    runs = [run for run in _found(tenant, asked) if run.campaign.one_time]
    return _actions(runs, asked, with_recipient_group=True)


def action_details_by_date(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 7. One row for each customer, action and channel of the day; no control group."""
    return tuple(
        _by_channel(run, arm, channel) for run in runs_of_day(tenant, asked) for arm, channel in _channels(run)
    )


def actions_ended_by_date(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 8. The row's Date is the start; start + Duration is the day asked for."""
    end = asked.day("Date")
    if not tenant.knows(end):
        return ()
    starts = [end - timedelta(days=duration) for duration in range(1, LONGEST_DURATION + 1)]
    ended = [run for day in starts for run in executions(tenant.options, day) if _ends(run) == end]
    return tuple(_ended(run, arm, channel) for run in ended for arm, channel in _channels(run))


def execution_details_by_campaign(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 9. Without ChannelID all channels of the campaign."""
    channel, attributes = asked.integer("ChannelID", 0), asked.attributes()
    return tuple(
        members(run, arm, [_execution_detail(arm, send) for send in sends], attributes)
        for run in _found(tenant, asked)
        for arm, sends in _sends(run, channel)
    )


def send_details_by_campaign(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 10. One row for each customer and channel; TemplateID only on demand."""
    with_template = asked.flag("IncludeTemplateIDs")
    return tuple(
        members(run, arm, [_send_detail(send, with_template=with_template) for send in sends])
        for run in _found(tenant, asked)
        for arm, sends in _sends(run, 0)
    )


def send_details_by_channel(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 11. The sends of report 10 on one channel."""
    channel, attributes = asked.integer("ChannelID"), asked.attributes()
    return tuple(
        members(run, arm, [_template_and_time(send) for send in sends], attributes)
        for run in _found(tenant, asked)
        for arm, sends in _sends(run, channel)
        if channel
    )


def currently_targeted(tenant: Tenant, _: Arguments) -> Segments:
    """Report 12. Campaigns that run on the last day with data: begun, and EndDate still ahead."""
    now = tenant.last_data_update
    days = [now - timedelta(days=back) for back in range(LONGEST_DURATION)]
    active = [run for day in days for run in executions(tenant.options, day) if _ends(run) > now]
    return tuple(members(run, arm, (_targeted(run, arm),)) for run in active for arm in run.arms)


def _found(tenant: Tenant, asked: Arguments) -> tuple[Execution, ...]:
    run = run_of_campaign(tenant, asked)
    return (run,) if run else ()


def _actions(runs: list[Execution], asked: Arguments, *, with_recipient_group: bool) -> Segments:
    """Rows of reports 2, 3 and 4, which differ in their campaigns and in one field."""
    channel, attributes = asked.integer("ChannelID", 0), asked.attributes()
    with_control = asked.flag("IncludeControlGroup")
    return tuple(
        members(run, arm, (_action(arm, on, with_recipient_group=with_recipient_group),), attributes)
        for run in runs
        for arm, on in (*_channels(run), *(_control(run) if with_control else ()))
        if channel in (0, on)
    )


def _channels(run: Execution) -> Iterator[tuple[Arm, int]]:
    return ((arm, channel) for arm in run.arms for channel in run.campaign.channels)


def _control(run: Execution) -> tuple[tuple[Arm, int], ...]:
    return ((run.control, run.campaign.channels[0]),) if run.control else ()


def _sends(run: Execution, channel: int) -> Iterator[tuple[Arm, tuple[Send, ...]]]:
    return ((arm, sends) for arm in run.arms for sends in arm.sends if channel in (0, sends[0].channel_id))


def _ends(run: Execution) -> date:
    return run.day + timedelta(days=run.campaign.duration)


def _action(arm: Arm, channel: int, *, with_recipient_group: bool) -> Row:
    row: Row = {"ActionID": arm.offer.action_id, "ChannelID": channel}
    return {"RecipientGroupID": arm.offer.recipient_group_id, **row} if with_recipient_group else row


def _by_channel(run: Execution, arm: Arm, channel: int) -> Segment:
    return members(run, arm, (_action(arm, channel, with_recipient_group=True),))


def _ended(run: Execution, arm: Arm, channel: int) -> Segment:
    row: Row = {
        "ActionID": arm.offer.action_id,
        "ChannelID": channel,
        "Date": run.day.isoformat(),
        "Duration": run.campaign.duration,
        "TargetGroupID": run.campaign.target_group_id,
    }
    return members(run, arm, (row,))


def _execution_detail(arm: Arm, send: Send) -> Row:
    return {
        "ActionID": arm.offer.action_id,
        "ChannelID": send.channel_id,
        "TemplateID": send.template_id,
        "TemplateName": template_name(send.template_id),
        "ScheduleTime": send.scheduled_time,
        "PromoCode": arm.offer.promo_code,
    }


def _send_detail(send: Send, *, with_template: bool) -> Row:
    row: Row = {"ChannelID": send.channel_id, "ScheduledTime": send.scheduled_time, "SendID": send.send_id}
    return {**row, "TemplateID": send.template_id} if with_template else row


def _template_and_time(send: Send) -> Row:
    return {"TemplateID": send.template_id, "ScheduledTime": send.scheduled_time}


def _targeted(run: Execution, arm: Arm) -> Row:
    return {
        "CampaignID": run.campaign.campaign_id,
        "ActionID": arm.offer.action_id,
        "StartDate": run.day.isoformat(),
        "EndDate": _ends(run).isoformat(),
    }
