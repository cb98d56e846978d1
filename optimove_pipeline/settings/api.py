"""Settings of the API: where it is, how it is asked, and how many calls it allows."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Count, Seconds, Section, Share, Text, not_empty


class Login(Section):
    """The legacy login, only for old accounts (reference, section 1.2)."""

    username: SecretReference
    password: SecretReference


class Api(Section):
    """Where the API is and how it is asked."""

    url: Text = Field("${OPTIMOVE_API_URL}", description="whole base URL, e.g. https://api5.optimove.net/current")
    key: SecretReference | None = Field("${OPTIMOVE_API_KEY}", description="reference to the API key")
    login: Login | None = Field(None, description="the legacy login instead of a key")
    page_size: Count = Field(10_000, description="$top: rows asked for in one page")
    stop_at: Literal["empty_page", "proven_short_page"] = Field(
        "empty_page",
        description="end paging at an empty page; or already at a page shorter than one this function has served",
    )
    timeout_seconds: Seconds = Field(600, description="wait for one answer")
    concurrency: Annotated[Count, Field(le=64)] = Field(16, description="calls in flight at once")
    attempts: Count = Field(6, description="tries of one call before its report fails")
    circuit_failures: Count = Field(10, description="failures in a row that open the circuit")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.login and self.key and "key" in self.model_fields_set:
            raise ValueError("give key or login, not both")
        return self


class WindowLimit(Section):
    """At most ``calls`` calls in any ``seconds`` seconds."""

    calls: Count
    seconds: Seconds


class BudgetLimits(Section):
    """The calls that may be made, shared by every process of one client (reference, section 1.3)."""

    windows: Annotated[tuple[WindowLimit, ...], AfterValidator(not_empty)] = (
        WindowLimit(calls=50, seconds=10),
        WindowLimit(calls=2000, seconds=3600),
    )
    backfill_reserve: Share = Field(0.2, description="share of the budget that backfills leave to the daily run")
    guard_seconds: Annotated[float, Field(ge=0, strict=True)] = Field(
        0.1, description="added to each window against jitter"
    )
    database: SecretReference | None = Field(
        None, description="reference to a PostgreSQL connection string, to share the budget between machines"
    )
