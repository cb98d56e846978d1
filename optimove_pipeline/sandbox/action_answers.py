"""Answers of the functions about groups and actions: reports 16 to 27 (reference, section 2)."""

from collections.abc import Iterator

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.asked_runs import run_of_campaign, runs_of_day
from optimove_pipeline.sandbox.campaigns import Campaign, Offer
from optimove_pipeline.sandbox.catalog import CHANNELS, action_ids, action_name, target_groups
from optimove_pipeline.sandbox.executions import Execution, Send
from optimove_pipeline.sandbox.rows import Row, Segments, listed
from optimove_pipeline.sandbox.tenant import Tenant


def target_groups_by_date(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 16. Only groups with a campaign that did not fail."""
    groups = {run.campaign.target_group_id for run in _grouped(tenant, asked)}
    return listed([{"TargetGroupID": group} for group in sorted(groups)])


def target_group_details(tenant: Tenant, _: Arguments) -> Segments:
    """Report 17. All defined groups."""
    return listed(
        [
            {
                "TargetGroupID": group.target_group_id,
                "TargetGroupName": group.name,
                "TargetGroupPriority": group.priority,
            }
            for group in target_groups(tenant.options)
        ]
    )


def all_actions(tenant: Tenant, _: Arguments) -> Segments:
    """Report 18."""
    actions = action_ids(tenant.options)
    return listed([{"ActionID": action, "ActionName": action_name(action)} for action in actions])


def actions_by_target_group(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 19. A recipient group can have several actions."""
    offers = (offer for _, offer in _offers_of_group(tenant, asked))
    return listed([{"RecipientGroupID": o.recipient_group_id, "ActionID": o.action_id} for o in offers])


def promo_codes(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 20. Campaigns on ad hoc lists have no target group, so no row here."""
    return listed(
        [
            {"TargetGroupID": run.campaign.target_group_id, **_promotion(offer)}
            for run in _grouped(tenant, asked)
            for offer in run.campaign.offers
        ]
    )


def promo_codes_by_campaign(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 21. A row with an empty code for an offer without one; nothing for failed and one-time campaigns."""
    run = run_of_campaign(tenant, asked)
    if run is None or run.campaign.one_time or run.campaign.fails:
        return ()
    return listed([_promotion(offer) for offer in run.campaign.offers])


def promo_codes_by_target_group(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 22."""
    return listed([_promotion(offer) for _, offer in _offers_of_group(tenant, asked)])


def action_details_by_target_group(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 23. One row for each offer and channel; durations in days."""
    return listed(
        [
            {
                "RecipientGroupID": offer.recipient_group_id,
                "ActionID": offer.action_id,
                "Duration": campaign.duration,
                "LeadTime": campaign.lead_time,
                "ChannelID": channel,
            }
            for campaign, offer in _offers_of_group(tenant, asked)
            for channel in campaign.channels
        ]
    )


def executed_campaign_details(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 24. Failed campaigns included; TargetGroupID is 0 for one on an ad hoc list."""
    runs = runs_of_day(tenant, asked)
    return listed([{"CampaignID": run.campaign.campaign_id, **_details(run.campaign)} for run in runs])


def execution_channels(tenant: Tenant, _: Arguments) -> Segments:
    """Report 25."""
    used = CHANNELS[: tenant.options.channels]
    return listed([{"ChannelID": channel, "ChannelName": name} for channel, name in used])


def campaign_channel_details(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 26. One row for each batch; ListID is absent where there is none, SendID may be empty."""
    channel, run = asked.integer("ChannelID"), run_of_campaign(tenant, asked)
    arms = run.arms if run else ()
    sends = [send for arm in arms for batches in arm.sends for send in batches]
    return listed([_batch(send) for send in sends if send.channel_id == channel])


def campaigns_by_channel(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 27. Campaigns that did not fail, those on ad hoc lists included."""
    channel = asked.integer("ChannelID")
    found = [run.campaign for run in runs_of_day(tenant, asked) if run.arms and channel in run.campaign.channels]
    return listed([{"CampaignID": campaign.campaign_id} for campaign in found])


def campaign_details(tenant: Tenant, asked: Arguments) -> Row | None:
    """The look-up: report 24's fields without CampaignID, and the newer ones (reference, section 3)."""
    run = run_of_campaign(tenant, asked)
    if run is None:
        return None
    return {
        **_details(run.campaign),
        "TestGroupSize": sum(arm.size for arm in run.arms),
        "ControlGroupSize": run.control.size if run.control else 0,
        "Channels": [{"Id": channel} for channel in run.campaign.channels],
        "Tags": ["recurring"] if run.campaign.recurring else [],
    }


def _grouped(tenant: Tenant, asked: Arguments) -> Iterator[Execution]:
    """The day's runs on target groups that did not fail."""
    return (run for run in runs_of_day(tenant, asked) if run.arms and not run.campaign.one_time)


def _offers_of_group(tenant: Tenant, asked: Arguments) -> Iterator[tuple[Campaign, Offer]]:
    group = asked.integer("TargetGroupID")
    runs = (run for run in _grouped(tenant, asked) if run.campaign.target_group_id == group)
    return ((run.campaign, offer) for run in runs for offer in run.campaign.offers)


def _promotion(offer: Offer) -> Row:
    return {
        "RecipientGroupID": offer.recipient_group_id,
        "ActionID": offer.action_id,
        "PromoCode": offer.promo_code,
    }


def _batch(send: Send) -> Row:
    row: Row = {
        "SendID": send.send_id,
        "TemplateID": send.template_id,
        "ScheduledTime": send.scheduled_time,
    }
    return row if send.list_id is None else {"ListID": send.list_id, **row}


def _details(campaign: Campaign) -> Row:
    return {
        "TargetGroupID": campaign.target_group_id,
        "CampaignType": campaign.campaign_type,
        "Duration": campaign.duration,
        "LeadTime": campaign.lead_time,
        "Notes": campaign.notes,
        "IsMultiChannel": len(campaign.channels) > 1,
        "IsRecurrence": campaign.recurring,
        "Status": "Failed" if campaign.fails else "Successful",
        "Error": "ESP unavailable" if campaign.fails else "",
    }
