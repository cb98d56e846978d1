"""The parts of the tenant's settings; ``optimove_pipeline.config`` puts them together."""
