"""What Dagster does by itself: sensors, and the jobs that a person starts in the launchpad."""
