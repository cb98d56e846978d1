"""Settings of readiness: from when on a day's data is looked for, and when it is late."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from optimove_pipeline.settings.types import Count, Section

_HOUR_AND_MINUTE = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _utc_time(value: object) -> object:
    # Without quotes YAML reads 06:00 as a number, minutes since midnight.
    if not isinstance(value, str) or not _HOUR_AND_MINUTE.fullmatch(value):
        raise ValueError('expected a UTC time in quotes, such as "06:00"')
    return value


UtcTime = Annotated[str, BeforeValidator(_utc_time)]
Hours = Annotated[float, Field(gt=0, le=24, strict=True)]


class Readiness(Section):
    """When a day of reports is expected to be whole at Optimove, and how it is looked for."""

    time: UtcTime = Field("06:00", description='UTC time from which the day before is looked for, e.g. "06:00"')
    deadline_hours: Hours = Field(4.0, description="hours after that time at which a day that is not there is late")
    poll_minutes: Annotated[Count, Field(le=1440)] = Field(10, description="time between two questions to the API")
    catch_up_days: Annotated[Count, Field(le=366)] = Field(14, description="missed days that are caught up")

    @property
    def at(self) -> datetime.time:
        """The readiness time."""
        return datetime.time.fromisoformat(self.time)
