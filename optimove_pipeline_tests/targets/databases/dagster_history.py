"""What Dagster keeps of commands that a test carries out."""

from __future__ import annotations

import yaml

from optimove_pipeline_tests.end_to_end.place import Place


def history_in_memory(place: Place) -> None:
    """Let Dagster keep its events in memory, for as long as a command runs: on disk they take most of the time."""
    home = place.data / "dagster"
    home.mkdir(parents=True)
    in_memory = {"module": "dagster._core.storage.event_log", "class": "InMemoryEventLogStorage", "config": {}}
    (home / "dagster.yaml").write_text(yaml.safe_dump({"event_log_storage": in_memory}))
