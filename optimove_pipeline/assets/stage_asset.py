"""What the assets of all stages and feeds have in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from optimove_pipeline.assets.outcomes import complete_check
from optimove_pipeline.feeds import Feed


def key(stage: str, feed: str) -> dg.AssetKey:
    """Return the asset key of a feed at a stage."""
    return dg.AssetKey([stage, feed])


def stage_asset(
    stage: str,
    feed: Feed,
    partitions: dg.PartitionsDefinition[str],
    policy: dg.BackfillPolicy,
    *,
    deps: Sequence[dg.AssetKey | dg.AssetDep],
    kinds: set[str],
    description: str,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    checks: Sequence[dg.AssetCheckSpec] = (),
) -> Callable[[Callable[..., dg.MaterializeResult[Any]]], dg.AssetsDefinition]:
    """Return the decorator of a stage's asset, with the check ``complete`` and those given."""
    asset_key = key(stage, feed.name)
    # `backfill_policy` is a beta parameter; each of our assets would say so at every start.
    with warnings.catch_warnings(action="ignore", category=dg.BetaWarning):
        return dg.asset(
            key=asset_key,
            deps=deps,
            partitions_def=partitions,
            backfill_policy=policy,
            group_name=feed.group,
            kinds=kinds,
            description=description,
            metadata=metadata,
            tags=tags,
            check_specs=[complete_check(asset_key), *checks],
        )
