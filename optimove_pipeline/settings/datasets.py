"""Settings of the data sets: which are sent, where their rows come from, and what differs for one of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    model_validator,
)

from optimove_pipeline.settings.branches import BRANCH
from optimove_pipeline.settings.packages import FeedName
from optimove_pipeline.settings.readiness import Hours, UtcTime
from optimove_pipeline.settings.types import Count, Day, Flag, Id, Section, Share, Text, not_empty


def _currency(code: str) -> str:
    if not re.fullmatch("[A-Z]{3}", code):
        raise ValueError("expected a code of ISO 4217, such as EUR")
    return code


Preset = Literal["casino", "sport", "sport_casino", "ecommerce"]
Severity = Literal["repair", "reject", "block", "warn"]
Cadence = Literal["daily", "hourly"]
CurrencyCode = Annotated[str, AfterValidator(_currency)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("expected text, a number, true or false")  # noqa: TRY004 - pydantic's way to refuse
    return value


PlainValue = Annotated[
    str | int | float | bool, PlainValidator(_plain, json_schema_input_type=str | int | float | bool)
]


class Constant(Section):
    """A value that every row has."""

    constant: PlainValue


class SourceColumn(Section):
    """A column of the source that is read otherwise than as it is."""

    column: Text = Field(description="its name in the source")
    values: dict[str, str] = Field({}, description="value in the source: the contract's value; others stay")
    format: Text | None = Field(None, description="pattern of a date or time that the source holds as text")
    timezone: Text | None = Field(None, description="zone of a time that the source holds without one; UTC if none")


def _mapped(value: Any) -> Any:
    if isinstance(value, str):
        return {"column": value}
    return value


def _branch(value: Any) -> str:
    is_constant = isinstance(value, Constant) or (isinstance(value, dict) and "constant" in value)
    return f"{BRANCH}{'constant' if is_constant else 'column'}"


Mapped = Annotated[
    Annotated[SourceColumn, Tag(f"{BRANCH}column")] | Annotated[Constant, Tag(f"{BRANCH}constant")],
    Discriminator(_branch),
    BeforeValidator(_mapped, json_schema_input_type=Text | SourceColumn | Constant),
]


class Complete(Section):
    """How it is known that a day is whole at the source: one of the three; none is the readiness time alone."""

    query: Text | None = Field(None, description="SQL with one parameter, the day; its first value says so")
    marker: Text | None = Field(
        None, description="path of a file with the day in it, such as /drop/{date:%Y%m%d}.done"
    )
    newest_change: Flag = Field(default=False, description="the newest change lies past the day's end")

    @model_validator(mode="after")
    def _one_at_most(self) -> Self:
        if sum([self.query is not None, self.marker is not None, self.newest_change]) > 1:
            raise ValueError("give one of query, marker and newest_change")
        return self


class Volume(Section):
    """Optimove's own check of a day's rows, made here first (reference, section 4.4), with an upper bound besides."""

    compare_average: Flag = Field(default=True, description="CompareAvg: against the average; else one row is enough")
    days_backwards: Annotated[Count, Field(le=366)] = Field(180, description="DaysBackwards: days of the average")
    factor: Share = Field(0.2, description="MultFactor: fewer rows than this share of the average are too few")
    most: Annotated[float, Field(gt=1, strict=True)] = Field(3.0, description="more times the average are too many")
    blocks: Flag = Field(default=True, description="IsFail: hold the delivery back, else warn")
    ignored_weekdays: tuple[Weekday, ...] = Field((), description="DaysToIgnore")
    by_weekday: Flag = Field(default=True, description="average of the same weekday, once there are four of it")


class DatasetSettings(Section):
    """Where one data set comes from and what differs for it."""

    source: Text | None = Field(None, description="name of one of the `sources`; datasets.source if none")
    table: Text | None = Field(None, description="table or view of the source, or path pattern of files")
    query: Text | None = Field(None, description="SELECT to use in place of a table")
    columns: dict[str, Mapped] = Field({}, description="contract column: the source's; the same name if none")
    omit: tuple[Text, ...] = Field((), description="optional columns of the contract that are not sent")
    change_column: Text | None = Field(None, description="the source's column with the moment of the last change")
    load: Literal["changes", "snapshot"] | None = Field(None, description="rows that changed, or all of them")
    cadence: Cadence = "daily"
    starts: UtcTime | None = Field(None, description="in place of datasets.starts")
    readiness: UtcTime | None = Field(None, description="in place of datasets.readiness")
    within_minutes: Count = Field(30, description="minutes after an hour's end by which it is delivered, if hourly")
    complete: Complete = Complete()
    expected: Flag = Field(default=True, description="its files are on Optimove's list of expected files")
    rules: dict[str, Severity] = Field({}, description="rule: what it does to a row that breaks it")
    currency: CurrencyCode | None = Field(None, description="code of its one currency; datasets.currency if none")
    tolerated_share: Share | None = Field(None, description="quarantined share up to which it is delivered")
    volume: Volume | None = Field(None, description="in place of datasets.volume")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.table is not None and self.query is not None:
            raise ValueError("give table or query, not both")
        return self


class Datasets(Section):
    """The data sets that are sent to Optimove."""

    preset: Preset | None = Field(None, description="the vertical whose data sets these are; none by default")
    contracts: tuple[Path, ...] = Field(
        (), description="files with contracts of further data sets, or in place of some"
    )
    select: Annotated[tuple[FeedName, ...], AfterValidator(not_empty)] | None = Field(
        None, description="data sets of the preset and contracts that are sent; all if none are named"
    )
    source: Text | None = Field(None, description="name of one of the `sources`, for all data sets")
    change_column: Text | None = Field(
        None, description="the source's column with the moment of the last change, for all data sets"
    )
    starts: UtcTime = Field("02:00", description="UTC time from which the day before is looked for at the source")
    readiness: UtcTime = Field("06:00", description="UTC time agreed with Optimove, by which the day is delivered")
    warn_minutes: Count = Field(30, description="minutes before readiness at which what is not delivered is alerted")
    accepted_within_hours: Hours = Field(
        12.0, description="hours after readiness at which a delivered day that Optimove has not accepted is late"
    )
    overlap_hours: Id = Field(24, description="hours before the window that are read again, for late commits")
    delay_minutes: Id = Field(5, description="minutes after the window's end before it is read")
    first_day: Day | None = Field(None, description="first day that is sent by its changes; else tenant.start_date")
    history_months: Count = Field(24, description="months before it that the initial full load sends")
    tolerated_share: Share = Field(0.01, description="quarantined share up to which a partition is delivered")
    rules: dict[str, Severity] = Field({}, description="rule: what it does to a row, for all data sets")
    currency: CurrencyCode | None = Field(
        None, description="code of the one currency of all amounts; that of most rows of a partition if none"
    )
    volume: Volume = Volume()
    missing_files: Literal["block", "warn"] = Field(
        "block", description="nothing is sent of a day before all expected data sets that start together are packaged"
    )
    each: dict[FeedName, DatasetSettings] = Field({}, description="what differs for single data sets")

    def of(self, name: str) -> DatasetSettings:
        """Return a data set's own settings with the general ones filled in."""
        own = self.each.get(name, DatasetSettings())
        return own.model_copy(
            update={
                "source": own.source or self.source,
                "change_column": own.change_column or self.change_column,
                "starts": own.starts or self.starts,
                "readiness": own.readiness or self.readiness,
                "rules": self.rules | own.rules,
                "currency": own.currency or self.currency,
                "tolerated_share": self.tolerated_share if own.tolerated_share is None else own.tolerated_share,
                "volume": own.volume or self.volume,
            }
        )
