"""Columns and parameters that several reports share."""

from __future__ import annotations

from optimove_pipeline.feeds import Column, Kind
from optimove_pipeline.reports.report import Parameter, Source

CUSTOMER = Column("customer_id", Kind.TEXT, "CustomerID", required=True, personal=True)
ACTION = Column("action_id", Kind.INTEGER, "ActionID", required=True, minimum=0)
CHANNEL = Column("channel_id", Kind.INTEGER, "ChannelID", required=True, minimum=0)
CAMPAIGN = Column("campaign_id", Kind.INTEGER, "CampaignID", required=True, minimum=0)
TARGET_GROUP = Column("target_group_id", Kind.INTEGER, "TargetGroupID", required=True, minimum=0)
RECIPIENT_GROUP = Column("recipient_group_id", Kind.INTEGER, "RecipientGroupID", required=True, minimum=0)
TEMPLATE = Column("template_id", Kind.TEXT, "TemplateID")
SEND = Column("send_id", Kind.TEXT, "SendID")
SCHEDULED = Column("scheduled_time", Kind.TIME, "ScheduledTime", aliases=("ScheduleTime",))
PROMO_CODE = Column("promo_code", Kind.TEXT, "PromoCode")
DURATION = Column("duration", Kind.INTEGER, "Duration", minimum=0, description="days")
LEAD_TIME = Column("lead_time", Kind.INTEGER, "LeadTime", description="days")


def stamped(name: str, kind: Kind = Kind.INTEGER) -> Column:
    """Return a column that the rows don't echo, filled from the request."""
    return Column(name, kind, required=True)


ON_DATE = Parameter("Date", Source.DATE)
OF_TARGET_GROUP = Parameter("TargetGroupID", Source.TARGET_GROUP, "target_group_id")
OF_CAMPAIGN = Parameter("CampaignID", Source.CAMPAIGN, "campaign_id")
OF_CHANNEL = Parameter("ChannelID", Source.CHANNEL, "channel_id")
WITH_CONTROL_GROUP = Parameter("IncludeControlGroup", Source.TRUE)
