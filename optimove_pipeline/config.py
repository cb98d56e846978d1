"""The tenant's settings: one YAML file, checked whole before anything is done with it.

With neither ``OPTIMOVE_CONFIG`` nor ``OPTIMOVE_API_URL`` nor ``OPTIMOVE_API_KEY`` set, the settings are those of
the built-in sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sized
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.feeds import attribute_column
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.report import Report
from optimove_pipeline.secret_references import SecretReference
from optimove_pipeline.settings_file import read_yaml
from optimove_pipeline.settings_problems import BRANCH, describe

MOST_ATTRIBUTES = 10
"""Customer attributes of one report (reference, section 1.8)."""

INTERACTION_EVENTS = (0, 1, 2, 3, 4, 5, 6, 9)
"""Sent, delivered, opened, clicked, unsubscribed, dropped, spam report, bounced (reference, report 14)."""

SANDBOX_URL = "http://127.0.0.1:8720/current"
SANDBOX_KEY = "sandbox-key"
SANDBOX_ATTRIBUTES = ("Alias", "Country")

Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Seconds = Annotated[float, Field(gt=0, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Id = Annotated[int, Field(ge=0, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
IdOrText = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
Text = Annotated[str, Field(min_length=1)]


T = TypeVar("T", bound=Sized)


def _not_empty(items: T) -> T:
    if not items:
        raise ValueError("expected at least 1 item")
    return items


def _known_report(name: str) -> str:
    if name not in BY_NAME:
        near = get_close_matches(name, BY_NAME, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `optimove-pipeline reports` lists the 27"
        raise ValueError(f"{name!r} is not a report{hint}")
    return name


ReportName = Annotated[str, AfterValidator(_known_report)]


def _branch(value: object) -> str:
    return f"{BRANCH}all" if value == "all" else f"{BRANCH}some"


def _listed(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("expected `all` or a list of reports")  # noqa: TRY004 - pydantic's own way
    return value


Selection = Annotated[
    Annotated[Literal["all"], Tag(f"{BRANCH}all")]
    | Annotated[tuple[ReportName, ...], BeforeValidator(_listed), AfterValidator(_not_empty), Tag(f"{BRANCH}some")],
    Discriminator(_branch),
]


def _as_date(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("expected a date such as 2026-11-20") from None


Day = Annotated[date, Field(strict=True), BeforeValidator(_as_date)]


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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Login(_Section):
    """The legacy login, only for old accounts (reference, section 1.2)."""

    username: SecretReference
    password: SecretReference


class Api(_Section):
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


class WindowLimit(_Section):
    """At most ``calls`` calls in any ``seconds`` seconds."""

    calls: Count
    seconds: Seconds


class BudgetLimits(_Section):
    """The calls that may be made, shared by every process of one client (reference, section 1.3)."""

    windows: Annotated[tuple[WindowLimit, ...], AfterValidator(_not_empty)] = (
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


class Tenant(_Section):
    """Whose data it is and in which days it counts."""

    name: Text = "tenant"
    timezone: str = Field("UTC", description="the business day's zone, e.g. Europe/London")
    start_date: Day = Field(date(2025, 1, 1), description="the first day that can be pulled")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            near = get_close_matches(name, available_timezones(), n=1)
            raise ValueError(f"{name!r} is not a time zone{f'; did you mean {near[0]}?' if near else ''}")
        return name


class AttributeValue(_Section):
    """One customer attribute and the value that it must have."""

    attribute: Text
    value: IdOrText


class Filters(_Section):
    """What narrows the plan; an empty list leaves everything in."""

    actions: tuple[Id, ...] = ()
    target_groups: tuple[Id, ...] = ()
    channels: tuple[Id, ...] = ()
    campaigns: tuple[Id, ...] = ()
    changed_attributes: tuple[Text, ...] = Field((), description="report 5 makes a call for each; none by default")
    lifecycle_stages: tuple[Id, ...] = ()
    attribute_value: AttributeValue | None = Field(None, description="report 6 by attribute and value, not by stage")
    events: Annotated[tuple[Id, ...], AfterValidator(_not_empty)] = Field(
        INTERACTION_EVENTS, description="interaction events of report 14"
    )
    activity_events: tuple[IdOrText, ...] = Field((), description="report 15; by default the API's own list")

    @model_validator(mode="after")
    def _one_form_of_future_values(self) -> Self:
        if self.lifecycle_stages and self.attribute_value:
            raise ValueError("give lifecycle_stages or attribute_value, the API takes one of them (report 6)")
        return self


class ReportSettings(_Section):
    """What differs for one report."""

    attributes: Attributes | None = Field(None, description="customer attributes of this report")
    look_back: Id | None = Field(None, description="past days read again by the daily run")
    tolerated_share: Share | None = Field(None, description="quarantined share up to which a day is published")
    function: Text | None = Field(None, description="the function's path, where the tenant's differs")
    parameters: dict[str, Text] = Field({}, description="documented parameter name: the tenant's name")
    paged: Flag | None = Field(None, description="whether $top and $skip are sent")


class Reports(_Section):
    """Which reports are pulled and how."""

    select: Selection = Field("all", description="all, or a list of reports, which brings what they need")
    planning: Literal["executed", "exhaustive"] = Field(
        "executed", description="ask what the day's other reports show was executed, or every combination"
    )
    attributes: Attributes = Field((), description="customer attributes of every report that takes them")
    tolerated_share: Share = Field(0.01, description="quarantined share up to which a day is published")
    filters: Filters = Filters()
    each: dict[ReportName, ReportSettings] = {}

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


class WarehouseSettings(_Section):
    """The DuckDB file and how it is shared."""

    path: Path | None = Field(None, description="default: warehouse.duckdb in the data directory")
    lock_timeout_seconds: Seconds = Field(600, description="wait for another writer")
    preview: Flag = Field(default=False, description="show rows of customers in Dagster's metadata")


class Retention(_Section):
    """How long files between the stages are kept."""

    resume_hours: Annotated[float, Field(ge=0, strict=True)] = Field(
        12, description="answers of a run that ended early are used again within these hours"
    )
    landing_days: Count = Field(7, description="answers received")
    staging_days: Annotated[Count, Field(ge=29)] = Field(35, description="partitions; checks look back 28 days")


class Settings(_Section):
    """All settings of one tenant."""

    tenant: Tenant = Tenant()
    api: Api = Api()
    budget: BudgetLimits = BudgetLimits()
    reports: Reports = Reports()
    warehouse: WarehouseSettings = WarehouseSettings()
    retention: Retention = Retention()
    sandbox: SkipJsonSchema[bool] = Field(default=False, exclude=True)
    data_dir: SkipJsonSchema[Path] = Field(Path("data"), exclude=True)

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.tenant.timezone)

    @property
    def warehouse_path(self) -> Path:
        """Where the DuckDB file lies."""
        return self.warehouse.path or self.data_dir / "warehouse.duckdb"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment points to.

    Raises:
        SettingsError: the file is missing or not YAML, or a setting is unknown or wrong; one line for each.
    """
    env = os.environ if environment is None else environment
    data_dir = Path(env.get("OPTIMOVE_DATA_DIR") or "data").absolute()
    file = env.get("OPTIMOVE_CONFIG")
    if file:
        return parse_settings(read_yaml(Path(file)), source=file, data_dir=data_dir)
    if env.get("OPTIMOVE_API_URL") or env.get("OPTIMOVE_API_KEY"):
        return parse_settings({}, source="the environment", data_dir=data_dir)
    return sandbox_settings(env.get("OPTIMOVE_SANDBOX_URL") or SANDBOX_URL, data_dir)


def sandbox_settings(url: str, data_dir: Path) -> Settings:
    """Return the settings that pull every report of the built-in sandbox."""
    reports = Reports(attributes=SANDBOX_ATTRIBUTES, filters=Filters(changed_attributes=SANDBOX_ATTRIBUTES))
    return Settings(
        tenant=Tenant(name="sandbox"),
        api=Api(url=url, key=None),
        reports=reports,
        warehouse=WarehouseSettings(preview=True),
        sandbox=True,
        data_dir=data_dir,
    )


def parse_settings(document: Any, *, source: str, data_dir: Path) -> Settings:
    """Return the settings that a document (the YAML file's mappings and lists) holds; ``source`` is for messages.

    Raises:
        SettingsError: one line for each setting that is unknown or wrong.
    """
    if not isinstance(document, dict):
        raise SettingsError(f"{source}: expected settings by name at the top, such as `tenant:`")
    for internal in ("sandbox", "data_dir"):
        if internal in document:
            raise SettingsError(f"{source}: {internal}: no such setting")
    try:
        return Settings.model_validate({**document, "data_dir": data_dir})
    except ValidationError as error:
        raise SettingsError("\n".join(describe(source, details, Settings) for details in error.errors())) from None
