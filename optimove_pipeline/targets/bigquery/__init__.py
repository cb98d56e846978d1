"""BigQuery as a target."""
