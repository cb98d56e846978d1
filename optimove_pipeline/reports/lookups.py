"""Look-ups: what a plan needs and no report of the day holds, asked for once a day and kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.errors import AnswerError, ForbiddenError, PartitionError, RequestError, SettingsError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.reports import Reports

LIFECYCLE_STAGES = "model/GetLifecycleStageList"
CUSTOMER_ATTRIBUTES = "model/GetCustomerAttributeList"
ACTIVITY_EVENTS = "integrations/GetActivityEventList"
"""Presumed: the portal's menu names an "Activity Event List", no source its function (reference, report 15)."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Lookups:
    """Asks the API's look-ups through ``client`` and keeps the answers of the day ``today`` in ``folder``.

    Without a client only what is kept is known; anything else raises PartitionError.
    """

    client: Optimove | None
    folder: Path
    today: Callable[[], date]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lifecycle_stages(self) -> tuple[str, ...]:
        """Return the ids of all lifecycle stages."""
        return _values(LIFECYCLE_STAGES, await self._rows(LIFECYCLE_STAGES), "StageID")

    async def activity_events(self) -> tuple[str, ...]:
        """Return the ids of all activity events.

        Raises:
            SettingsError: the tenant's API has no such look-up, so the settings must name the events.
        """
        try:
            rows = await self._rows(ACTIVITY_EVENTS, documented=False)
        except (AnswerError, ForbiddenError, RequestError) as error:
            raise SettingsError(
                f"reports.filters.activity_events: name report 15's events, the API doesn't list them: {error}"
            ) from error
        return _values(ACTIVITY_EVENTS, rows, "EventID", "ActivityEventID", "ID")

    async def snapshot(self, report: Report, function: str) -> pl.LazyFrame:
        """Return the documented columns of a snapshot report as text, for a plan when no partition is held.

        ``function`` is the report's, or the tenant's own.
        """
        rows = await self._rows(function)
        columns = {
            column.name: [_value(row, column.field, *column.aliases) for row in rows] for column in report.columns
        }
        return pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String()))

    async def check_attributes(self, report: Report, settings: Reports) -> None:
        """Check that the tenant has every customer attribute that the settings name for a report.

        A key may be refused the list of attributes (reference, section 1.2); then the reports' own answers tell.

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
        try:
            rows = await self._rows(CUSTOMER_ATTRIBUTES)
        except ForbiddenError as error:
            logger.warning("The customer attributes of %s are not checked: %s", report.name, error)
            return
        known = _values(CUSTOMER_ATTRIBUTES, rows, "RealFieldName")
        for setting, names in wanted.items():
            _check_known(setting, names, known)

    async def _rows(self, function: str, *, documented: bool = True) -> list[dict[str, Any]]:
        file = self.folder / self.today().isoformat() / f"{function.replace('/', '.')}.json"
        async with self._lock:
            if file.exists():
                return list(json.loads(file.read_bytes()))
            if self.client is None:
                raise PartitionError(f"look-up {function} is not held of {self.today()}, and no call is to be made")
            rows = await self.client.lookup(function, documented=documented)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise AnswerError(f"look-up {function}: expected a list of rows, got {_shape(rows)}")
            if rows:
                write_atomically(file, json.dumps(rows).encode())
            return rows


def _shape(answer: Any) -> str:
    return "a list of other things" if isinstance(answer, list) else f"a {type(answer).__name__}"


def _check_known(setting: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {_some_of(known)}"
            raise SettingsError(f"{setting}: the tenant has no customer attribute {name!r}; {hint}")


def _some_of(known: tuple[str, ...]) -> str:
    return f"{', '.join(known[:20])}{' …' if len(known) > 20 else ''}" or "none at all"


def _values(function: str, rows: list[dict[str, Any]], *fields: str) -> tuple[str, ...]:
    values = [_value(row, *fields) for row in rows]
    if any(value is None for value in values):
        raise AnswerError(f"look-up {function}: a row has none of the fields {', '.join(fields)}")
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _value(row: dict[str, Any], *fields: str) -> str | None:
    lowered = {key.lower(): value for key, value in row.items()}
    found = next((lowered[name.lower()] for name in fields if lowered.get(name.lower()) is not None), None)
    return None if found is None else str(found)
