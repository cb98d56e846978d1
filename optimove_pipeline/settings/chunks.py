"""The setting of chunks: into which pieces a range of days is cut, each taken by one run."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.types import Count, Section

Interval = Literal["none", "daily", "monthly", "yearly"]

DAYS = 31
"""Days of a chunk that is daily and names no size: start-up costs a run of so many days under a tenth of its time."""


class Chunk(Section):
    """How many days, calendar months or calendar years make a chunk; ``none`` leaves a range whole."""

    interval: Interval = Field("daily", description="none, daily, monthly or yearly")
    size: Annotated[Count, Field(le=1000)] | None = Field(
        None, description="days, months or years of a chunk; by default 31 days, a month or a year"
    )

    @model_validator(mode="after")
    def _size_of_something(self) -> Self:
        if self.interval == "none" and self.size is not None:
            raise ValueError("size says nothing with interval none: leave it out, or choose another interval")
        return self

    @property
    def length(self) -> int:
        """Days, months or years of a chunk."""
        return self.size or (DAYS if self.interval == "daily" else 1)


def parse_chunk(text: str) -> Chunk:
    """Return the chunk that a person wrote in short: ``none``, ``daily``, ``daily:4``, ``monthly:2``, ``yearly``.

    Raises:
        SettingsError: the text is none of that.
    """
    interval, colon, size = text.partition(":")
    try:
        return Chunk.model_validate({"interval": interval} | ({"size": int(size)} if colon else {}))
    except (ValueError, ValidationError) as error:
        raise SettingsError(
            f"chunk {text!r}: expected one of {', '.join(get_args(Interval))}, with a size from 1 to 1000 if wanted, "
            "such as daily:4"
        ) from error
