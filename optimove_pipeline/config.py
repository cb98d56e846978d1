"""The tenant's settings: one YAML file, checked whole before anything is done with it.

With neither ``OPTIMOVE_CONFIG`` nor ``OPTIMOVE_API_URL`` nor ``OPTIMOVE_API_KEY`` set, the settings are those of
the built-in sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.sources.file_lists import has_date, has_hour
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.settings.alerts import Alerts
from optimove_pipeline.settings.api import Api, BudgetLimits
from optimove_pipeline.settings.datasets import Datasets
from optimove_pipeline.settings.delivery import OUTBOX, Delivery
from optimove_pipeline.settings.listener import Listener
from optimove_pipeline.settings.packages import Packages
from optimove_pipeline.settings.problems import describe
from optimove_pipeline.settings.readiness import Readiness
from optimove_pipeline.settings.reports import Filters, Reports
from optimove_pipeline.settings.schedules import Schedules
from optimove_pipeline.settings.sources import Sources
from optimove_pipeline.settings.targets import AnyTarget, Targets
from optimove_pipeline.settings.types import Count, Day, Flag, Seconds, Section, Text
from optimove_pipeline.settings.yaml_file import read_yaml
from optimove_pipeline.targets.kinds.local import LocalSettings

SANDBOX_URL = "http://127.0.0.1:8720/current"
SANDBOX_KEY = "sandbox-key"
SANDBOX_ATTRIBUTES = ("Alias", "Country")


@cache
def _zones() -> frozenset[str]:
    # Python looks through all files of all zones for them.
    return frozenset(available_timezones())


class Tenant(Section):
    """Whose data it is and in which days it counts."""

    name: Text = "tenant"
    timezone: str = Field("UTC", description="the business day's zone, e.g. Europe/London")
    start_date: Day = Field(date(2025, 1, 1), description="the first day that can be pulled")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in _zones():
            near = get_close_matches(name, _zones(), n=1)
            raise ValueError(f"{name!r} is not a time zone{f'; did you mean {near[0]}?' if near else ''}")
        return name


class WarehouseSettings(Section):
    """The DuckDB file and how it is shared."""

    path: Path | None = Field(None, description="default: warehouse.duckdb in the data directory")
    lock_timeout_seconds: Seconds = Field(600, description="wait for another writer")
    preview: Flag = Field(default=False, description="show rows of customers in Dagster's metadata")


class Retention(Section):
    """How long files between the stages are kept."""

    resume_hours: Annotated[float, Field(ge=0, strict=True)] = Field(
        12, description="answers of a run that ended early are used again within these hours"
    )
    landing_days: Count = Field(7, description="answers received")
    staging_days: Annotated[Count, Field(ge=29)] = Field(35, description="partitions; checks look back 28 days")
    package_days: Annotated[Count, Field(ge=30)] = Field(35, description="packages, for a redelivery")

    @model_validator(mode="after")
    def _packages_of_what_is_kept(self) -> Self:
        if self.package_days > self.staging_days:
            raise ValueError(
                f"package_days {self.package_days} is more than staging_days {self.staging_days}: what is delivered "
                "again is packaged from its partition, without customers forgotten since"
            )
        return self


class Settings(Section):
    """All settings of one tenant."""

    tenant: Tenant = Tenant()
    api: Api = Api()
    budget: BudgetLimits = BudgetLimits()
    reports: Reports = Reports()
    readiness: Readiness = Readiness()
    schedules: Schedules = Field((), description="periods that are pulled at set times")
    listener: Listener = Listener()
    alerts: Alerts = Alerts()
    packages: Packages = Packages()
    targets: Targets = Field({}, description="where packages are delivered, by a name of your choice")
    delivery: Delivery = Delivery()
    sources: Sources = Field({}, description="where the rows of data sets come from, by a name of your choice")
    datasets: Datasets = Datasets()
    warehouse: WarehouseSettings = WarehouseSettings()
    retention: Retention = Retention()
    sandbox: SkipJsonSchema[bool] = Field(default=False, exclude=True)
    data_dir: SkipJsonSchema[Path] = Field(Path("data"), exclude=True)
    base_dir: SkipJsonSchema[Path] = Field(Path(), exclude=True)

    @model_validator(mode="after")
    def _known_targets(self) -> Self:
        known = {OUTBOX, *self.targets}
        for name in sorted(self.delivery.targets - known):
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(known))}"
            raise ValueError(f"delivery: {name} is none of the targets; {hint}")
        return self

    @model_validator(mode="after")
    def _known_sources(self) -> Self:
        named = {"datasets.source": self.datasets.source}
        named |= {f"datasets.each.{name}.source": each.source for name, each in self.datasets.each.items()}
        for setting, name in named.items():
            if name is not None and name not in self.sources:
                near = get_close_matches(name, self.sources, n=1)
                hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(self.sources) or 'them'}"
                raise ValueError(f"{setting}: {name} is none of the sources; {hint}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.tenant.timezone)

    @property
    def chosen_datasets(self) -> tuple[Dataset, ...]:
        """The data sets that are sent, with their contracts. Raises as ``datasets_of`` does."""
        return datasets_of(self.datasets, self.base_dir)

    @property
    def packages_folder(self) -> Path:
        """Where packages lie."""
        return self.data_dir / "packages"

    def target(self, name: str) -> AnyTarget:
        """Return the settings of a target that feeds are delivered to; ``outbox`` need not be set up."""
        return self.targets[name] if name in self.targets else LocalSettings(kind="local")

    @property
    def warehouse_path(self) -> Path:
        """Where the DuckDB file lies."""
        return self.warehouse.path or self.data_dir / "warehouse.duckdb"


def _check_hourly_names(settings: Settings, datasets: Iterable[Dataset]) -> None:
    for name in [each.name for each in datasets if settings.datasets.of(each.name).cadence == "hourly"]:
        if "{time}" not in settings.packages.of(name).packaging.name:
            raise SettingsError(
                f"packages.each.{name}.name: expected {{time}} in it, since {name} has a partition every hour and no "
                "two files may have one name"
            )


def _check_files_of_hours(settings: Settings, datasets: Iterable[Dataset]) -> None:
    for dataset in datasets:
        own = settings.datasets.of(dataset.name)
        if own.source is None or own.table is None or settings.sources[own.source].kind != "files":
            continue
        place = f"datasets.each.{dataset.name}.table: {own.table!r}"
        if own.cadence == "hourly" and has_date(own.table) and not has_hour(own.table):
            raise SettingsError(
                f"{place} names the files of a whole day, and cadence is hourly, so that each hour would have them "
                "all: put the hour (UTC) in it, as in {date:%Y-%m-%dT%H}, or no date"
            )
        if own.cadence == "daily" and has_hour(own.table):
            raise SettingsError(
                f"{place} names the files of an hour, and cadence is daily, so that a day would have those of one "
                "hour: put * in place of the hour, or set cadence: hourly"
            )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment points to.

    Raises:
        SettingsError: the file is missing or not YAML, or a setting is unknown or wrong; one line for each.
    """
    env = os.environ if environment is None else environment
    data_dir = Path(env.get("OPTIMOVE_DATA_DIR") or "data").absolute()
    file = env.get("OPTIMOVE_CONFIG")
    if file:
        base_dir = Path(file).absolute().parent
        return parse_settings(read_yaml(Path(file)), source=file, data_dir=data_dir, base_dir=base_dir)
    if env.get("OPTIMOVE_API_URL") or env.get("OPTIMOVE_API_KEY"):
        return parse_settings({}, source="the environment", data_dir=data_dir)
    return sandbox_settings(env.get("OPTIMOVE_SANDBOX_URL") or SANDBOX_URL, data_dir)


def write_sandbox_settings(data_dir: Path, sections: Mapping[str, Any]) -> None:
    """Note how the company's data of the sandbox that runs on this data directory is sent, for ``load_settings``."""
    write_atomically(_sandbox_file(data_dir), yaml.safe_dump(dict(sections), sort_keys=False).encode())


def _sandbox_file(data_dir: Path) -> Path:
    return data_dir / "sandbox" / "optimove.yaml"


def sandbox_settings(url: str, data_dir: Path) -> Settings:
    """Return the settings of the built-in sandbox: every report, and the data sets of its company if it has one."""
    file = _sandbox_file(data_dir)
    sections = parse_settings(read_yaml(file) if file.exists() else {}, source=str(file), data_dir=data_dir)
    reports = Reports(attributes=SANDBOX_ATTRIBUTES, filters=Filters(changed_attributes=SANDBOX_ATTRIBUTES))
    return sections.model_copy(
        update={
            "tenant": Tenant(name="sandbox"),
            "api": Api(url=url, key=None),
            "reports": reports,
            # Its data are always whole, whatever the time.
            "readiness": Readiness(time="00:00"),
            "warehouse": WarehouseSettings(preview=True),
            "sandbox": True,
        }
    )


def parse_settings(document: Any, *, source: str, data_dir: Path, base_dir: Path = Path()) -> Settings:
    """Return the settings that a document (the YAML file's mappings and lists) holds; ``source`` is for messages.

    Paths of contracts in it are relative to ``base_dir``.

    Raises:
        SettingsError: one line for each setting that is unknown or wrong.
    """
    if not isinstance(document, dict):
        raise SettingsError(f"{source}: expected settings by name at the top, such as `tenant:`")
    for internal in ("sandbox", "data_dir", "base_dir"):
        if internal in document:
            raise SettingsError(f"{source}: {internal}: no such setting")
    try:
        settings = Settings.model_validate({**document, "data_dir": data_dir, "base_dir": base_dir})
    except ValidationError as error:
        raise SettingsError("\n".join(describe(source, details, Settings) for details in error.errors())) from None
    try:
        datasets = datasets_of(settings.datasets, base_dir)
        _check_hourly_names(settings, datasets)
        _check_files_of_hours(settings, datasets)
    except SettingsError as error:
        raise SettingsError("\n".join(f"{source}: {line}" for line in str(error).splitlines())) from None
    return settings
