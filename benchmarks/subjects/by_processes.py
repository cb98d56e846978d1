"""The baseline of a whole day: the same graph with Dagster's default executor, a process for each step.

``by_processes`` has all reports, ``dated_by_processes`` those that have past days.
"""

from __future__ import annotations

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import load_settings

JOB, DATED_JOB = "by_processes", "dated_by_processes"


def _definitions() -> dg.Definitions:
    everything = dg.AssetSelection.all()
    dated = everything - dg.AssetSelection.tag("optimove/snapshot", "")
    jobs = [
        dg.define_asset_job(name, selection=selection, executor_def=dg.multiprocess_executor)
        for name, selection in ((JOB, everything), (DATED_JOB, dated))
    ]
    return dg.Definitions.merge(build_definitions(load_settings()), dg.Definitions(jobs=jobs))


defs = _definitions()
