"""Optimove's 27 API reports into DuckDB, and a company's own data into Optimove, as Dagster assets."""
