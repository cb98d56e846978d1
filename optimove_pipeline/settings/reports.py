"""Settings of the reports: which are pulled, what narrows them, and what differs for one of them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from optimove_pipeline.feeds import attribute_column
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.branches import LISTED, WORD, listed, word_or_list
from optimove_pipeline.settings.chunks import Chunk
from optimove_pipeline.settings.types import Flag, Id, IdOrText, Section, Share, Text, not_empty

MOST_ATTRIBUTES = 10
"""Customer attributes of one report (reference, section 1.8)."""

INTERACTION_EVENTS = (0, 1, 2, 3, 4, 5, 6, 9)
"""Sent, delivered, opened, clicked, unsubscribed, dropped, spam report, bounced (reference, report 14)."""


def _known_report(name: str) -> str:
    if name not in BY_NAME:
        near = get_close_matches(name, BY_NAME, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `optimove-pipeline reports` lists the 27"
        raise ValueError(f"{name!r} is not a report{hint}")
    return name


ReportName = Annotated[str, AfterValidator(_known_report)]


Selection = Annotated[
    Annotated[Literal["all"], Tag(WORD)]
    | Annotated[tuple[ReportName, ...], listed("all", "reports"), AfterValidator(not_empty), Tag(LISTED)],
    word_or_list("all"),
]


def _distinct_attributes(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > MOST_ATTRIBUTES:
        raise ValueError(f"{len(names)} customer attributes, the API takes {MOST_ATTRIBUTES} at most")
    columns: dict[str, str] = {}
    for name in names:
        column = attribute_column(name)
        if column in columns:
            raise ValueError(f"{columns[column]!r} and {name!r} would both be the column {column}")
        if ";" in name:
            raise ValueError(f"{name!r}: give each attribute as an item of its own")
        columns[column] = name
    return names


Attributes = Annotated[tuple[str, ...], AfterValidator(_distinct_attributes)]


class AttributeValue(Section):
    """One customer attribute and the value that it must have."""

    attribute: Text
    value: IdOrText


class Filters(Section):
    """What narrows the plan; an empty list leaves everything in."""

    actions: tuple[Id, ...] = ()
    target_groups: tuple[Id, ...] = ()
    channels: tuple[Id, ...] = ()
    campaigns: tuple[Id, ...] = ()
    changed_attributes: tuple[Text, ...] = Field((), description="report 5 makes a call for each; none by default")
    lifecycle_stages: tuple[Id, ...] = ()
    attribute_value: AttributeValue | None = Field(None, description="report 6 by attribute and value, not by stage")
    events: Annotated[tuple[Id, ...], AfterValidator(not_empty)] = Field(
        INTERACTION_EVENTS, description="interaction events of report 14"
    )
    activity_events: tuple[IdOrText, ...] = Field((), description="report 15; by default the API's own list")

    @model_validator(mode="after")
    def _one_form_of_future_values(self) -> Self:
        if self.lifecycle_stages and self.attribute_value:
            raise ValueError("give lifecycle_stages or attribute_value, the API takes one of them (report 6)")
        return self


class ReportSettings(Section):
    """What differs for one report."""

    attributes: Attributes | None = Field(None, description="customer attributes of this report")
    look_back: Id | None = Field(None, description="past days read again by the daily run")
    tolerated_share: Share | None = Field(None, description="quarantined share up to which a day is published")
    function: Text | None = Field(None, description="the function's path, where the tenant's differs")
    parameters: dict[str, Text] = Field({}, description="documented parameter name: the tenant's name")
    paged: Flag | None = Field(None, description="whether $top and $skip are sent")


class Reports(Section):
    """Which reports are pulled and how."""

    select: Selection = Field("all", description="all, or a list of reports, which brings what they need")
    planning: Literal["executed", "exhaustive"] = Field(
        "executed", description="ask what the day's other reports show was executed, or every combination"
    )
    attributes: Attributes = Field((), description="customer attributes of every report that takes them")
    tolerated_share: Share = Field(0.01, description="quarantined share up to which a day is published")
    chunk: Chunk = Chunk()
    filters: Filters = Filters()
    each: dict[ReportName, ReportSettings] = Field({}, description="what differs for single reports")

    @model_validator(mode="after")
    def _settings_fit_reports(self) -> Self:
        for name, own in self.each.items():
            report = BY_NAME[name]
            if own.attributes and not report.attributes:
                raise ValueError(f"each.{name}.attributes: {report.title} takes no customer attributes")
            known = {parameter.name for parameter in report.parameters}
            for parameter in own.parameters:
                if parameter not in known:
                    raise ValueError(
                        f"each.{name}.parameters: {parameter!r} is none of {', '.join(sorted(known)) or 'none'}"
                    )
        return self

    def selected(self) -> tuple[Report, ...]:
        """Return the reports to pull, in the catalogue's order: those selected and those that they read."""
        if self.select == "all":
            return REPORTS
        wanted = set(self.select)
        while more := {name for report in wanted for name in BY_NAME[report].upstream} - wanted:
            wanted |= more
        return tuple(report for report in REPORTS if report.name in wanted)

    def of(self, report: Report) -> ReportSettings:
        """Return a report's own settings with the general ones filled in."""
        own = self.each.get(report.name, ReportSettings())
        attributes = own.attributes if own.attributes is not None else self.attributes
        return ReportSettings(
            attributes=attributes if report.attributes else (),
            look_back=report.look_back if own.look_back is None else own.look_back,
            tolerated_share=self.tolerated_share if own.tolerated_share is None else own.tolerated_share,
            function=own.function or report.function,
            parameters=own.parameters,
            paged=report.paged if own.paged is None else own.paged,
        )
