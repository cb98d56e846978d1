"""Answers of the look-up functions (reference, section 3)."""

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.attributes import ATTRIBUTES
from optimove_pipeline.sandbox.catalog import (
    ACTIVITY_EVENTS,
    PROMOTIONS,
    action_ids,
    action_name,
    channels,
    target_groups,
    template_name,
    templates,
)
from optimove_pipeline.sandbox.rows import Row, Segments, listed
from optimove_pipeline.sandbox.snapshot_answers import lifecycle_stages
from optimove_pipeline.sandbox.tenant import Tenant


def last_data_update(tenant: Tenant, _: Arguments) -> Row:
    """The latest day with customer data."""
    return {"Date": tenant.last_data_update.isoformat()}


def attribute_list(_: Tenant, __: Arguments) -> Segments:
    """All customer attributes."""
    return listed([{"RealFieldName": a.name, "Description": a.description} for a in ATTRIBUTES.values()])


def lifecycle_stage_list(_: Tenant, __: Arguments) -> Segments:
    """All lifecycle stages."""
    return listed(lifecycle_stages())


def microsegment_list(_: Tenant, __: Arguments) -> Segments:
    """Two microsegments for each lifecycle stage."""
    names = ("Europe-Winner", "ROW-Loser")
    return listed(
        [
            {
                "MicrosegmentID": number,
                "MicrosegmentName": f"DWag{number}-{names[number % 2]}",
                "LifecycleStageID": (number + 1) // 2,
                "FutureValue": 800.55 + number,
                "ChurnRate": number / 10,
            }
            for number in range(1, 2 * len(lifecycle_stages()) + 1)
        ]
    )


def name_of_action(tenant: Tenant, asked: Arguments) -> Row | None:
    """The name of an action id."""
    action = asked.integer("ActionID")
    return {"ActionName": action_name(action)} if action in action_ids(tenant.options) else None


def id_of_action(tenant: Tenant, asked: Arguments) -> Row | None:
    """The id of an action name."""
    name = asked.text("ActionName")
    found = (action for action in action_ids(tenant.options) if action_name(action) == name)
    return next(({"ActionID": action} for action in found), None)


def name_of_target_group(tenant: Tenant, asked: Arguments) -> Row | None:
    """The name of a target group's id."""
    wanted = asked.integer("TargetGroupID")
    found = (group.name for group in target_groups(tenant.options) if group.target_group_id == wanted)
    return next(({"TargetGroupName": name} for name in found), None)


def id_of_target_group(tenant: Tenant, asked: Arguments) -> Row | None:
    """The id of a target group's name."""
    wanted = asked.text("TargetGroupName")
    found = (group.target_group_id for group in target_groups(tenant.options) if group.name == wanted)
    return next(({"TargetGroupID": number} for number in found), None)


def channel_templates(tenant: Tenant, asked: Arguments) -> Segments:
    """All templates of a channel."""
    channel = asked.integer("ChannelID")
    found = templates(channel) if channel in channels(tenant.options) else range(0)
    return listed([{"TemplateID": number, "TemplateName": template_name(number)} for number in found])


def promotions(_: Tenant, __: Arguments) -> Segments:
    """All promotions."""
    return listed([{"PromoCode": code, "PromotionName": name} for code, name in PROMOTIONS])


def activity_event_list(_: Tenant, __: Arguments) -> Segments:
    """All activity events. No source shows a row of this function; the shape is ours."""
    return listed([{"EventID": number, "EventName": name} for number, name in ACTIVITY_EVENTS])
