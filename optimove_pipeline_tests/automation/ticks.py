"""A sensor as the daemon ticks it: with the cursor that its last tick left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.outbox import outbox_file

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(slots=True)
class Ticking:
    """A sensor in a daemon; ``cursor`` is what Dagster keeps of it."""

    sensor: dg.SensorDefinition
    instance: dg.DagsterInstance
    cursor: str | None = None

    def tick(self) -> SensorExecutionData:
        """Tick, and keep the cursor."""
        done = self.tick_and_die()
        self.cursor = done.cursor
        return done

    def tick_and_die(self) -> SensorExecutionData:
        """Tick, and die before the cursor is kept."""
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            return self.sensor.evaluate_tick(context)


def alerts(data_dir: Path) -> list[Alert]:
    """Return the alerts raised, in their order."""
    file = outbox_file(data_dir)
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT kind, key, title, text FROM alerts ORDER BY number").fetchall()
    return [Alert(AlertKind(kind), *rest) for kind, *rest in rows]
