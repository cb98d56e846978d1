"""What a run is for, in Dagster's terms: assets of reports, and a range of days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

STAGES = ("report", "validated", "published")


def stage_keys(reports: Iterable[str]) -> list[dg.AssetKey]:
    """Return the keys of all stages of reports, given by name."""
    return [dg.AssetKey([stage, report]) for report in reports for stage in STAGES]


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags by which one run takes all days of a range, the last included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
