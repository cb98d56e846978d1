"""The factories that turn feeds and stages into Dagster assets and checks."""
