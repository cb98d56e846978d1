"""Look-ups: what a plan needs and no report of the day holds, asked for once a day and kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.config import Reports
from optimove_pipeline.errors import AnswerError, SettingsError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.reports.report import Report

LIFECYCLE_STAGES = "model/GetLifecycleStageList"
CUSTOMER_ATTRIBUTES = "model/GetCustomerAttributeList"
ACTIVITY_EVENTS = "integrations/GetActivityEventList"
"""Presumed: the portal's menu names an "Activity Event List", no source its function (reference, report 15)."""


@dataclass(slots=True)
class Lookups:
    """Asks the API's look-ups through ``client`` and keeps the answers of the day ``today`` in ``folder``."""

    client: Optimove
    folder: Path
    today: Callable[[], date]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lifecycle_stages(self) -> tuple[str, ...]:
        """Return the ids of all lifecycle stages."""
        return _values(LIFECYCLE_STAGES, await self._rows(LIFECYCLE_STAGES), "StageID")

    async def activity_events(self) -> tuple[str, ...]:
        """Return the ids of all activity events."""
        return _values(ACTIVITY_EVENTS, await self._rows(ACTIVITY_EVENTS), "EventID", "ActivityEventID", "ID")

    async def snapshot(self, report: Report) -> pl.LazyFrame:
        """Return the documented columns of a snapshot report as text, for a plan when no partition is held."""
        rows = await self._rows(report.function)
        columns = {
            column.name: [_value(row, column.field, *column.aliases) for row in rows] for column in report.columns
        }
        return pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String()))

    async def check_attributes(self, report: Report, settings: Reports) -> None:
        """Check that the tenant has every customer attribute that the settings name for a report.

        Raises:
            SettingsError: names the attribute, and the nearest one that exists.
        """
        wanted = {f"reports.attributes of {report.name}": settings.of(report).attributes or ()}
        if report.name == "customer_attribute_changers":
            wanted["reports.filters.changed_attributes"] = settings.filters.changed_attributes
        if report.name == "customer_future_values" and settings.filters.attribute_value:
            wanted["reports.filters.attribute_value"] = (settings.filters.attribute_value.attribute,)
        if not any(wanted.values()):
            return
        known = _values(CUSTOMER_ATTRIBUTES, await self._rows(CUSTOMER_ATTRIBUTES), "RealFieldName")
        for setting, names in wanted.items():
            _check_known(setting, names, known)

    async def _rows(self, function: str) -> list[dict[str, Any]]:
        file = self.folder / self.today().isoformat() / f"{function.replace('/', '.')}.json"
        async with self._lock:
            if file.exists():
                rows = json.loads(file.read_bytes())
            else:
                rows = await self.client.lookup(function)
                if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                    raise AnswerError(f"look-up {function}: expected a list of rows, got {type(rows).__name__}")
                write_atomically(file, json.dumps(rows).encode())
        return list(rows)


def _check_known(setting: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known[:20])} …"
            raise SettingsError(f"{setting}: the tenant has no customer attribute {name!r}; {hint}")


def _values(function: str, rows: list[dict[str, Any]], *fields: str) -> tuple[str, ...]:
    values = [_value(row, *fields) for row in rows]
    if any(value is None for value in values):
        raise AnswerError(f"look-up {function}: a row has none of the fields {', '.join(fields)}")
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _value(row: dict[str, Any], *fields: str) -> str | None:
    lowered = {key.lower(): value for key, value in row.items()}
    found = next((lowered[name.lower()] for name in fields if lowered.get(name.lower()) is not None), None)
    return None if found is None else str(found)
