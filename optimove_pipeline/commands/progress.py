"""Progress of a command's runs: a line as each stage of each report is done."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from rich.console import Console

from optimove_pipeline.commands.run import STAGES, Planned


class Progress:
    """Tells of stages as their events arrive; ``console`` may be a terminal or not."""

    def __init__(self, planned: Sequence[Planned], console: Console) -> None:
        self._total = sum(len(each.reports) * len(STAGES) for each in planned)
        self._done = 0
        self._console = console

    def tell(self, event: dg.DagsterEvent) -> None:
        """Print a line for a step that has ended."""
        kind = event.event_type
        if kind not in {
            dg.DagsterEventType.STEP_SUCCESS,
            dg.DagsterEventType.STEP_FAILURE,
            dg.DagsterEventType.STEP_SKIPPED,
        }:
            return
        stage, _, report = (event.step_key or "").partition("__")
        if stage not in STAGES:
            return
        self._done += 1
        word = {"STEP_SUCCESS": "done", "STEP_FAILURE": "FAILED", "STEP_SKIPPED": "skipped"}[kind.value]
        self._console.print(f"[{self._done:>4}/{self._total}] {stage}/{report} {word}", markup=False, highlight=False)
