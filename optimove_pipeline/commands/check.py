"""``check``: is everything there that a delivery needs? Each part by itself, with what is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimove_pipeline.commands.check_disk import check_disk, check_warehouse, free_bytes
from optimove_pipeline.commands.check_places import check_api, check_targets
from optimove_pipeline.commands.check_secrets import check_expiries, check_secrets
from optimove_pipeline.commands.check_sources import check_sources
from optimove_pipeline.commands.check_times import check_times
from optimove_pipeline.commands.findings import Finding, Outcome, failed, passed
from optimove_pipeline.commands.tenant import tenant_or_sandbox
from optimove_pipeline.config import Settings, load_settings
from optimove_pipeline.errors import SettingsError


def check_everything(tell: Callable[[Finding], None]) -> bool:
    """Check the settings of the environment and all that they name, telling each part; return whether none failed.

    Without settings nothing else can be looked at.
    """
    outcomes = set[Outcome]()
    for finding in _findings():
        tell(finding)
        outcomes.add(finding.outcome)
    return Outcome.FAIL not in outcomes


def _findings() -> Iterator[Finding]:
    try:
        chosen = load_settings()
    except SettingsError as error:
        yield from (failed("settings", line) for line in str(error).splitlines())
        return
    with tenant_or_sandbox(chosen) as settings:
        yield from check_settings(settings, datetime.now(UTC))


def check_settings(settings: Settings, now: datetime, free: Callable[[Path], int] = free_bytes) -> Iterator[Finding]:
    """Yield what is found of each part; one that fails keeps no other from being looked at.

    ``free`` tells the bytes that are free on a folder's disk.
    """
    names = [dataset.name for dataset in settings.chosen_datasets]
    sent = f"data sets: {', '.join(names)}" if names else "no data set (datasets.preset)"
    yield passed("settings", f"{settings.tenant.name}; {len(settings.reports.selected())} reports; {sent}")
    yield from check_secrets(settings)
    yield from check_expiries(settings, now)
    yield from check_sources(settings, now)
    yield from check_targets(settings)
    yield from check_api(settings)
    yield from check_times(settings, now)
    yield from check_disk(settings, now, free)
    yield from check_warehouse(settings)


def as_row(finding: Finding) -> dict[str, Any]:
    """Return a finding for programs: ``part``, ``outcome`` and ``text``."""
    return asdict(finding)


def as_line(finding: Finding) -> str:
    """Return a finding for a person."""
    return f"{finding.outcome.value}  {finding.part}: {finding.text}"
