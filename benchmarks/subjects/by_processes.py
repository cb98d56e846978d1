"""The baseline of a whole day: the same graph with Dagster's default executor, a process for each step."""

from __future__ import annotations

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import load_settings

JOB = "by_processes"


def _definitions() -> dg.Definitions:
    job = dg.define_asset_job(JOB, selection=dg.AssetSelection.all(), executor_def=dg.multiprocess_executor)
    return dg.Definitions.merge(build_definitions(load_settings()), dg.Definitions(jobs=[job]))


defs = _definitions()
