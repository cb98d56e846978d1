"""What a run is for, in Dagster's terms: assets of reports, and a range of days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from optimove_pipeline.config import Settings

PULLED = ("report", "validated", "published")
"""The stages that every report has."""

DATASET_STAGES = ("dataset", "validated", "published")
"""The stages that every data set has."""

SENT = ("packaged", "delivered")
"""The stages that a feed with targets has besides."""


def stages_of(settings: Settings, report: str) -> tuple[str, ...]:
    """Return the stages of a report, by its name."""
    return PULLED + (SENT if settings.delivery.of(report, is_report=True) else ())


def stage_keys(settings: Settings, reports: Iterable[str]) -> list[dg.AssetKey]:
    """Return the keys of all stages of reports, given by name."""
    return [dg.AssetKey([stage, report]) for report in reports for stage in stages_of(settings, report)]


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags by which one run takes all days of a range, the last included."""
    return key_range_tags(first.isoformat(), last.isoformat())


def key_range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags by which one run takes all partitions from one key to another."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
