"""The freshness policy of published assets: the badge in the UI.

It looks at when an asset was last materialised, whatever the day; the check ``due`` looks at the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from optimove_pipeline.config import Settings
from optimove_pipeline.readiness import ended_at, late_at

_LONGEST = timedelta(days=1)
"""Dagster allows no window longer than the time between two deadlines."""


def with_freshness(assets: Sequence[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the assets, those of the stage ``published`` with the freshness policy of the settings."""
    policy = freshness_policy(settings)
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


def _next_minute(moment: datetime) -> datetime:
    return (moment + timedelta(seconds=59)).replace(second=0, microsecond=0)
