"""Dagster without events on disk, where they take most of the time, for tests that need none of what was before."""

from __future__ import annotations

from pathlib import Path

import yaml

from optimove_pipeline_tests.end_to_end.place import Place

EVENTS = {"module": "optimove_pipeline_tests.end_to_end.events_in_memory", "class": "EventsInMemory", "config": {}}


def without_history(place: Place) -> Place:
    """Have each command of a place begin without events, and keep its own in memory."""
    keep_no_events(place.data)
    return place


def keep_no_events(data: Path) -> None:
    """Do the same for the commands of a data directory."""
    home = data / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}, "event_log_storage": EVENTS}))
