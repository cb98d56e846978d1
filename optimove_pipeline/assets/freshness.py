"""The freshness policy of published assets: the badge in the UI.

It looks at when an asset was last materialised, whatever the day; the check ``due`` looks at the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from optimove_pipeline.cadence import Daily
from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.cadences import cadence_of
from optimove_pipeline.readiness import ended_at, late_at

_LONGEST = timedelta(days=1)
"""Dagster allows no window longer than the time between two deadlines."""


def with_freshness(assets: Sequence[dg.AssetsDefinition], policy: dg.FreshnessPolicy) -> list[dg.AssetsDefinition]:
    """Return the assets, those of the stage ``published`` with a freshness policy."""
    return [
        asset.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, policy))
        if all(key.path[0] == "published" for key in asset.keys)
        else asset
        for asset in assets
    ]


def freshness_policy(settings: Settings) -> dg.FreshnessPolicy:
    """Return the policy: materialised between the end of a business day and the moment at which it is late.

    The window is as long as the longest of the year: a zone with daylight saving time ends its days at two times.
    """
    late = _next_minute(late_at(settings, settings.tenant.start_date))
    months = [date(late.year, month, 1) for month in range(1, 13)]
    window = max(late_at(settings, day) - ended_at(settings, day) for day in months)
    return dg.FreshnessPolicy.cron(f"{late.minute} {late.hour} * * *", lower_bound_delta=min(window, _LONGEST))


def dataset_freshness(settings: Settings, dataset: str) -> dg.FreshnessPolicy:
    """Return the policy of a data set, by its name: that of a day by its own times, or an hour that is not late."""
    cadence = cadence_of(settings, dataset)
    if isinstance(cadence, Daily):
        return freshness_policy(cadence.settings)
    hour = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    return dg.FreshnessPolicy.time_window(cadence.late_at(hour) - cadence.ended_at(hour) + timedelta(hours=1))


def _next_minute(moment: datetime) -> datetime:
    return (moment + timedelta(seconds=59)).replace(second=0, microsecond=0)
