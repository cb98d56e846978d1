"""Dagster without events on disk, where they take most of the time, for tests that need none of what was before."""

from __future__ import annotations

import yaml

from optimove_pipeline_tests.end_to_end.place import Place

EVENTS = {"module": "dagster._core.storage.event_log", "class": "InMemoryEventLogStorage", "config": {}}


def without_history(place: Place) -> Place:
    """Have each command of a place begin without events, and keep its own in memory."""
    home = place.data / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}, "event_log_storage": EVENTS}))
    return place
