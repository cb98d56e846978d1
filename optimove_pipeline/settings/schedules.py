"""Settings of schedules: periods that are pulled at set times, beside the daily run."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import LEAST_OFFSET, MOST_OFFSET, Predefined, TimePeriod, time_period
from optimove_pipeline.settings.reports import ReportName
from optimove_pipeline.settings.types import Count, Flag, Id, Section

_NAME = re.compile(r"[A-Za-z0-9_]+")
_CRON = re.compile(r"[0-9*/,\-]+( [0-9A-Za-z*/,\-]+){4}")


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("expected letters, digits and underscores")
    return name


def _five_fields(cron: str) -> str:
    if not _CRON.fullmatch(cron):
        raise ValueError('expected minute, hour, day, month and weekday, such as "30 7 * * 1"')
    return cron


class Schedule(Section):
    """A period that is pulled whenever its time comes, in the tenant's time zone."""

    name: Annotated[str, AfterValidator(_plain_name)] = Field(description="its name in Dagster")
    cron: Annotated[str, AfterValidator(_five_fields)] = Field(
        description='minute, hour, day, month and weekday in the tenant\'s time zone, e.g. "30 7 * * 1"'
    )
    period: Predefined | None = Field(None, description="days by name; give this or days")
    days: Count | None = Field(None, description="so many last closed days")
    days_back: Id = Field(0, description="days before these that are pulled with them")
    timezone_offset: Annotated[float, Field(ge=LEAST_OFFSET, le=MOST_OFFSET, strict=True)] = Field(
        0.0, description="hours that move the tenant's clock"
    )
    reports: tuple[ReportName, ...] = Field((), description="only these and what they read; none: all selected")
    backfill: Flag = Field(default=False, description="leave the daily run its share of the budget")

    @model_validator(mode="after")
    def _one_period(self) -> Self:
        if self.period is None and self.days is None:
            raise ValueError("give period or days")
        try:
            self.time_period()
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return self

    def time_period(self) -> TimePeriod:
        """Return the period that it pulls."""
        return time_period(
            period=self.period, days=self.days, days_back=self.days_back, offset_hours=self.timezone_offset
        )


def _one_of_each_name(schedules: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
    names = [schedule.name for schedule in schedules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is given twice")
    return schedules


Schedules = Annotated[tuple[Schedule, ...], AfterValidator(_one_of_each_name)]
