"""The check on ``dataset/<name>``: does the source still have a partition's rows as they were when it ended?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import dagster as dg

from optimove_pipeline.datasets.extraction import Extracted
from optimove_pipeline.partition_keys import partition_key

AS_IT_WAS = "as_it_was"

REBUILT = "rebuilt from the rows as they are now: rows that changed since are in later partitions alone"


def as_it_was_check(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Return the check of a data set's first stage."""
    description = (
        "The source has the rows as they were when the partition ended, so that it is what its own run sent."
    )
    return dg.AssetCheckSpec(AS_IT_WAS, asset=asset, description=description)


def as_it_was(done: Mapping[date, Extracted]) -> dg.AssetCheckResult:
    """Return the check's result over all partitions that a run has read; it warns, since nobody can mend it."""
    rebuilt = [partition_key(each) for each, extracted in sorted(done.items()) if extracted.rebuilt]
    return dg.AssetCheckResult(
        check_name=AS_IT_WAS,
        passed=not rebuilt,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{', '.join(rebuilt)}: {REBUILT}" if rebuilt else None,
    )
