"""What a report is: the record of which the catalogue holds 27."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optimove_pipeline.feeds import Feed


class Source(StrEnum):
    """Where a request parameter's value comes from.

    The values that vary (campaigns, groups, …) span the calls of a plan; those of one upstream row go together.
    """

    DATE = "date"
    TARGET_GROUP = "target_group"
    CAMPAIGN = "campaign"
    CHANNEL = "channel"
    RECIPIENT_GROUP = "recipient_group"
    ACTION = "action"
    INTERACTION_EVENT = "interaction_event"
    ACTIVITY_EVENT = "activity_event"
    LIFECYCLE_STAGE = "lifecycle_stage"
    CHANGED_ATTRIBUTE = "changed_attribute"
    ATTRIBUTE = "attribute"
    ATTRIBUTE_VALUE = "attribute_value"
    TRUE = "true"


class Over(StrEnum):
    """What a report iterates over: one call (with its pages) for each."""

    DAY = "day"
    SNAPSHOT = "snapshot"
    TARGET_GROUP = "target group of the day"
    CAMPAIGN = "campaign of the day"
    SENT_CAMPAIGN = "campaign of the day that did not fail"
    ONE_TIME_CAMPAIGN = "one-time campaign of the day"
    CAMPAIGN_CHANNEL = "campaign of the day and channel"
    CHANNEL = "channel"
    CHANNEL_EVENT = "channel and interaction event"
    ACTIVITY_EVENT = "activity event"
    LIFECYCLE_STAGE = "lifecycle stage"
    CHANGED_ATTRIBUTE = "changed attribute"
    ACTION_PAIR = "recipient group and action"


class Filter(StrEnum):
    """The settings that can narrow a report's plan.

    ``OPTIONAL_CHANNEL`` says that the function takes one ``ChannelID`` but doesn't need it.
    """

    ACTIONS = "actions"
    TARGET_GROUPS = "target_groups"
    CHANNELS = "channels"
    OPTIONAL_CHANNEL = "optional_channel"
    CAMPAIGNS = "campaigns"
    CHANGED_ATTRIBUTES = "changed_attributes"
    LIFECYCLE = "lifecycle_stages"
    ATTRIBUTE_VALUE = "attribute_value"
    EVENTS = "events"
    ACTIVITY_EVENTS = "activity_events"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One request parameter: its documented name, where its value comes from, and the column it is stamped as.

    ``stamp`` is empty where the rows echo the value or nobody needs it (the day is the partition).
    """

    name: str
    source: Source
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Feed):
    """One of the 27 Optimove API reports.

    ``upstream`` names the reports whose rows of the same day the plan reads (for snapshots, the newest held);
    ``paged`` tells whether the function takes ``$top`` and ``$skip``; ``attributes`` whether it takes customer
    attributes; ``look_back`` is the number of past days that the daily run reads again because they still change;
    ``documented`` is false where function or parameters rest on an assumption of the reference.
    """

    number: int
    function: str
    over: Over
    parameters: tuple[Parameter, ...] = ()
    upstream: tuple[str, ...] = ()
    paged: bool = False
    attributes: bool = False
    snapshot: bool = False
    look_back: int = 0
    filters: tuple[Filter, ...] = ()
    documented: bool = True
