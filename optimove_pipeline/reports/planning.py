"""The plan: the calls that a report needs for a day, known before the first of them is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.report import Filter, Over, Parameter, Report, Source
from optimove_pipeline.settings.reports import Filters, Reports

RECIPIENT_GROUPS = range(10)
"""The recipient groups that an exhaustive plan tries (reference, section 1.7)."""

Values = dict[Source, str]

_CHANNEL_IDS = ("execution_channels", "channel_id")


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan is computed from.

    ``rows`` holds, by report, the upstream rows of the day as text columns; ``lifecycle_stages`` and
    ``activity_events`` are the ids of the look-ups, empty where the report doesn't need them.
    """

    rows: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    lifecycle_stages: tuple[str, ...] = ()
    activity_events: tuple[str, ...] = ()

    def ids(self, report: str, *columns: str) -> list[tuple[str, ...]]:
        """Return the distinct values of the columns in a report's rows, in order; rows with a null are left out."""
        rows = self.rows[report].select(columns).drop_nulls().unique().collect(engine="streaming")
        return sorted(rows.iter_rows())


def plan(report: Report, day: date, settings: Reports, known: Known) -> list[Call]:
    """Return the calls of a report for a day, without pages, each once, in a stable order."""
    own = settings.of(report)
    attributes = own.attributes or ()
    calls: dict[str, Call] = {}
    for values in _COMBINATIONS[report.over](report, settings, known):
        parameters = [*_parameters(report, day, values, own.parameters)]
        if attributes:
            parameters.append(("CustomerAttributes", ";".join(attributes)))
        call = Call(
            function=own.function or report.function,
            parameters=tuple(parameters),
            report=report.name,
            day=day,
            stamps=_stamps(report, values),
            paged=bool(own.paged),
            documented=report.documented,
        )
        calls.setdefault(call.id, call)
    return list(calls.values())


def read_upstream(report: Report, settings: Reports) -> tuple[str, ...]:
    """Return the upstream reports whose rows the plan really reads, given the settings."""
    if report.over is Over.ACTION_PAIR:
        exhaustive = settings.planning == "exhaustive"
        return tuple(name for name in report.upstream if (name == "all_actions") is exhaustive)
    if report.over is Over.ONE_TIME_CAMPAIGN and settings.planning == "exhaustive":
        return ("executed_campaign_details",)
    if report.over in {Over.CHANNEL, Over.CHANNEL_EVENT} and settings.filters.channels:
        return ()
    return report.upstream


def needs_lookup(report: Report, filters: Filters) -> bool:
    """Return whether the plan needs ids that no report holds: lifecycle stages or activity events."""
    if report.over is Over.LIFECYCLE_STAGE:
        return not filters.lifecycle_stages and filters.attribute_value is None
    return report.over is Over.ACTIVITY_EVENT and not filters.activity_events


def row_filter(report: Report, filters: Filters) -> dict[str, frozenset[str]]:
    """Return the values that rows must have, by column, where the request can't narrow as the settings ask."""
    if Filter.CHANNELS in report.filters and not _asks_by_channel(report) and filters.channels:
        return {"channel_id": frozenset(map(str, filters.channels))}
    return {}


def _asks_by_channel(report: Report) -> bool:
    return any(parameter.source is Source.CHANNEL for parameter in report.parameters)


def _parameters(report: Report, day: date, values: Values, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for parameter in report.parameters:
        if parameter.source is Source.TRUE:
            value: str | None = "true"
        elif parameter.source is Source.DATE:
            value = day.isoformat()
        else:
            value = values.get(parameter.source)
        if value is not None:
            yield names.get(parameter.name, parameter.name), value
    yield from _extra_parameters(report, values)


def _extra_parameters(report: Report, values: Values) -> Iterator[tuple[str, str]]:
    """Yield what the report's record doesn't name: a single channel, or an attribute and its value."""
    if Source.CHANNEL in values and not _asks_by_channel(report):
        yield "ChannelID", values[Source.CHANNEL]
    if Source.ATTRIBUTE in values:
        yield "CustomerAttribute", values[Source.ATTRIBUTE]
        yield "CustomerAttributeValue", values[Source.ATTRIBUTE_VALUE]


def _stamps(report: Report, values: Values) -> tuple[tuple[str, str | None], ...]:
    stamped: list[Parameter] = [parameter for parameter in report.parameters if parameter.stamp]
    return tuple((parameter.stamp, values.get(parameter.source)) for parameter in stamped)


def _kept(ids: list[tuple[str, ...]], position: int, wanted: tuple[int, ...]) -> list[tuple[str, ...]]:
    """Return the ids whose value at ``position`` is wanted; an empty filter wants all."""
    texts = set(map(str, wanted))
    return [values for values in ids if not texts or values[position] in texts]


def _one(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    yield {}


def _target_groups(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    groups = _kept(known.ids("target_groups_by_date", "target_group_id"), 0, settings.filters.target_groups)
    for (group,) in groups:
        yield {Source.TARGET_GROUP: group, **_single_channel(report, settings.filters)}


def _single_channel(report: Report, filters: Filters) -> Values:
    """Return the channel to ask for, where the function takes one optionally and the settings want just one.

    Several channels are cheaper to filter from the rows than to ask for one by one.
    """
    takes_one = Filter.CHANNELS in report.filters and Filter.OPTIONAL_CHANNEL in report.filters
    return {Source.CHANNEL: str(filters.channels[0])} if takes_one and len(filters.channels) == 1 else {}


def _campaigns(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    campaigns = _kept(known.ids("executed_campaign_details", "campaign_id"), 0, settings.filters.campaigns)
    for (campaign,) in campaigns:
        yield {Source.CAMPAIGN: campaign, **_single_channel(report, settings.filters)}


def _sent_campaigns(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    """Leave out failed campaigns: they have no send rows (reference, report 24)."""
    rows = known.rows["executed_campaign_details"]
    if settings.planning == "executed":
        rows = rows.filter(pl.col("status").str.to_lowercase().ne_missing("failed"))
    return _campaigns(report, settings, Known({"executed_campaign_details": rows}))


def _one_time_campaigns(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    """Ask no campaign on a day whose one-time actions (report 3) are none."""
    if settings.planning == "executed" and not known.ids("customer_one_time_actions_by_date", "action_id"):
        return
    yield from _campaigns(report, settings, known)


def _campaign_channels(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    pairs = known.ids("executed_campaigns_by_channel", "campaign_id", "channel_id")
    pairs = _kept(_kept(pairs, 0, settings.filters.campaigns), 1, settings.filters.channels)
    for campaign, channel in pairs:
        yield {Source.CAMPAIGN: campaign, Source.CHANNEL: channel}


def _channels(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    wanted = map(str, settings.filters.channels)
    for channel in wanted if settings.filters.channels else (row[0] for row in known.ids(*_CHANNEL_IDS)):
        yield {Source.CHANNEL: channel}


def _channel_events(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    for values in _channels(report, settings, known):
        for event in settings.filters.events:
            yield {**values, Source.INTERACTION_EVENT: str(event)}


def _activity_events(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    for event in settings.filters.activity_events or known.activity_events:
        yield {Source.ACTIVITY_EVENT: event}


def _lifecycle_stages(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    wanted = settings.filters.attribute_value
    if wanted:
        yield {Source.ATTRIBUTE: wanted.attribute, Source.ATTRIBUTE_VALUE: wanted.value}
        return
    for stage in map(str, settings.filters.lifecycle_stages or known.lifecycle_stages):
        yield {Source.LIFECYCLE_STAGE: stage}


def _changed_attributes(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    for attribute in settings.filters.changed_attributes:
        yield {Source.CHANGED_ATTRIBUTE: attribute}


def _action_pairs(report: Report, settings: Reports, known: Known) -> Iterator[Values]:
    """Yield the pairs to ask for: those that reports 19 and 7 show, or all actions by all recipient groups."""
    if settings.planning == "executed":
        columns = ("recipient_group_id", "action_id")
        shown = {*known.ids("actions_by_target_group", *columns)}
        pairs = sorted(shown | {*known.ids("customer_action_details_by_date", *columns)})
    else:
        actions = known.ids("all_actions", "action_id")
        pairs = [(str(group), action) for (action,) in actions for group in RECIPIENT_GROUPS]
    for group, action in _kept(pairs, 1, settings.filters.actions):
        yield {Source.RECIPIENT_GROUP: group, Source.ACTION: action}


_COMBINATIONS: dict[Over, Callable[[Report, Reports, Known], Iterator[Values]]] = {
    Over.DAY: _one,
    Over.SNAPSHOT: _one,
    Over.TARGET_GROUP: _target_groups,
    Over.CAMPAIGN: _campaigns,
    Over.SENT_CAMPAIGN: _sent_campaigns,
    Over.ONE_TIME_CAMPAIGN: _one_time_campaigns,
    Over.CAMPAIGN_CHANNEL: _campaign_channels,
    Over.CHANNEL: _channels,
    Over.CHANNEL_EVENT: _channel_events,
    Over.ACTIVITY_EVENT: _activity_events,
    Over.LIFECYCLE_STAGE: _lifecycle_stages,
    Over.CHANGED_ATTRIBUTE: _changed_attributes,
    Over.ACTION_PAIR: _action_pairs,
}
