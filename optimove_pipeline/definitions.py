"""All that Dagster loads."""

from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import load_settings

defs = definitions_of(load_settings())
