"""All that Dagster loads."""

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.config import load_settings

defs = build_definitions(load_settings())
