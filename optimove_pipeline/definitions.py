"""All that Dagster loads."""

import dagster as dg

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.automation.wiring import automation_of
from optimove_pipeline.config import load_settings

settings = load_settings()
defs = dg.Definitions.merge(build_definitions(settings), automation_of(settings))
