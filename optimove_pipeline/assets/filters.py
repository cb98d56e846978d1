"""Filters for one run, as the launchpad takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from optimove_pipeline.settings.narrowing import narrow
from optimove_pipeline.settings.reports import Filters

_AS_SET = "None: as in the settings."


class AttributeValueConfig(dg.Config):
    """One customer attribute and the value that it must have."""

    attribute: str
    value: str


class FiltersConfig(dg.Config):
    """The filters of the settings, each of which may be given for one run; an empty list leaves everything in."""

    actions: list[int] | None = Field(default=None, description=f"Action ids. {_AS_SET}")
    target_groups: list[int] | None = Field(default=None, description=f"Target group ids. {_AS_SET}")
    channels: list[int] | None = Field(default=None, description=f"Execution channel ids. {_AS_SET}")
    campaigns: list[int] | None = Field(default=None, description=f"Campaign ids. {_AS_SET}")
    changed_attributes: list[str] | None = Field(default=None, description=f"Attributes of report 5. {_AS_SET}")
    lifecycle_stages: list[int] | None = Field(default=None, description=f"Stage ids of report 6. {_AS_SET}")
    attribute_value: AttributeValueConfig | None = Field(
        default=None, description=f"Report 6 by attribute and value instead of by stage. {_AS_SET}"
    )
    events: list[int] | None = Field(default=None, description=f"Interaction events of report 14. {_AS_SET}")
    activity_events: list[str] | None = Field(default=None, description=f"Activity events of report 15. {_AS_SET}")

    def given(self) -> dict[str, Any]:
        """Return the filters that were given, by name."""
        return self.model_dump(exclude_none=True)


class ReportConfig(dg.Config):
    """What may be given for one run of ``report/<name>``."""

    filters: FiltersConfig = Field(
        FiltersConfig(), description="Narrows this run. The rows that it gives replace the day's."
    )


def run_config(reports: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run that gives the same filters to reports, which are given by name."""
    if not given:
        return {}
    return {"ops": {_step(report): {"config": {"filters": dict(given)}} for report in reports}}


def filters_of_run(config: Mapping[str, Any], report: str, filters: Filters) -> Filters:
    """Return the filters that a report, given by name, has in the run of this configuration.

    Raises:
        SettingsError: one line for each filter that can't be.
    """
    given = config.get("ops", {}).get(_step(report), {}).get("config", {}).get("filters", {})
    return narrow(filters, given, f"the filters of report/{report} in this run")


def _step(report: str) -> str:
    return f"report__{report}"
