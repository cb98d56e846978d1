"""What planning is measured by: a day of all reports extracted, without Dagster and without limits."""

from __future__ import annotations

from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path

from optimove_pipeline.config import Settings, sandbox_settings
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.session import Session
from optimove_pipeline.settings.api import BudgetLimits, WindowLimit
from optimove_pipeline.settings.reports import Reports


def extract(url: str, day: str, into: str, planning: str, stop_at: str) -> dict[str, int]:
    """Extract every report of a day; return the rows of each."""
    session = Session(_settings(url, Path(into), planning, stop_at), "benchmark")
    rows: dict[str, int] = {}
    for name in _in_order():
        outcome = session.extract(BY_NAME[name], [date.fromisoformat(day)])
        for error in outcome.failed.values():
            raise error
        rows[name] = sum(extracted.rows for extracted in outcome.extracted.values())
    session.close()
    return rows


def _in_order() -> list[str]:
    return [*TopologicalSorter({report.name: report.upstream for report in REPORTS}).static_order()]


def _settings(url: str, into: Path, planning: str, stop_at: str) -> Settings:
    settings = sandbox_settings(url, into)
    unlimited = BudgetLimits(windows=(WindowLimit(calls=1_000_000, seconds=1.0),), guard_seconds=0.0)
    api = settings.api.model_copy(update={"stop_at": stop_at})
    reports: Reports = settings.reports.model_copy(update={"planning": planning})
    return settings.model_copy(update={"api": api, "reports": reports, "budget": unlimited})
