"""Snapshots, which can be had of one day only: that of the tenant's last data update."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from optimove_pipeline.files import write_atomically
from optimove_pipeline.reports.report import Report


def only_day(report: Report, updated: date) -> str:
    """Return why a snapshot can't be had of any day but ``updated``."""
    known = f"{updated}, the tenant's last data update"
    return f"{report.title} has no date in its request, so it can only be had of {known}"


def note_update(data_dir: Path, updated: date) -> None:
    """Keep the day of the last data update, for stages that ask the API nothing."""
    if noted_update(data_dir) != updated:
        write_atomically(_file(data_dir), json.dumps({"last data update": updated.isoformat()}).encode())


def noted_update(data_dir: Path) -> date | None:
    """Return the day of the last data update as it was last asked for; None if it never was."""
    try:
        return date.fromisoformat(json.loads(_file(data_dir).read_bytes())["last data update"])
    except FileNotFoundError:
        return None


def _file(data_dir: Path) -> Path:
    return data_dir / "state" / "last-data-update.json"
