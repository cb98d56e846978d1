"""The kinds of values that settings have, and the section that all settings are made of."""

from __future__ import annotations

from collections.abc import Sized
from datetime import date
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Seconds = Annotated[float, Field(gt=0, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Id = Annotated[int, Field(ge=0, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
IdOrText = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
Text = Annotated[str, Field(min_length=1)]

T = TypeVar("T", bound=Sized)


def not_empty(items: T) -> T:
    """Return the items; for ``AfterValidator``.

    Raises:
        ValueError: there are none.
    """
    if not items:
        raise ValueError("expected at least 1 item")
    return items


def _as_date(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("expected a date such as 2026-11-20") from None


Day = Annotated[date, Field(strict=True), BeforeValidator(_as_date)]


class Section(BaseModel):
    """Settings under one name: no others are allowed there, and a wrong value is never repeated in a message."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
