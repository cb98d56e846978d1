"""Progress of a command's runs: a line as each stage of each report is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
from rich.console import Console

from optimove_pipeline.assets.selection import STAGES
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.runs import Planned

_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS: "",
    dg.DagsterEventType.STEP_FAILURE: "FAILED",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}


class Progress:
    """Tells of stages as their events arrive; ``console`` may be a terminal or not."""

    def __init__(self, planned: Sequence[Planned], console: Console) -> None:
        self._total = sum(len(each.reports) * len(STAGES) for each in planned)
        self._done = 0
        self._made: dict[str, tuple[int, int, int]] = {}
        self._console = console

    def tell(self, event: dg.DagsterEvent) -> None:
        """Print a line for a step that has ended."""
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._count(event)
        if event.event_type not in _ENDS:
            return
        stage, _, report = (event.step_key or "").partition("__")
        if stage not in STAGES or report not in BY_NAME:
            return
        self._done += 1
        said = _ENDS[event.event_type] or self._said(f"{stage}/{report}")
        line = f"[{self._done:>{len(str(self._total))}}/{self._total}] {stage}/{report}: {said}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _count(self, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        days, rows, calls = self._made.get(materialization.asset_key.to_user_string(), (0, 0, 0))
        counts = (_whole(materialization.metadata.get(name)) for name in ("dagster/row_count", "calls"))
        self._made[materialization.asset_key.to_user_string()] = (days + 1, rows + next(counts), calls + next(counts))

    def _said(self, asset: str) -> str:
        days, rows, calls = self._made.pop(asset, (0, 0, 0))
        said = f"{days} {'day' if days == 1 else 'days'}, {rows:,} rows"
        return f"{said}, {calls:,} calls" if calls else said


def _whole(value: dg.MetadataValue[Any] | None) -> int:
    return value.value if value is not None and isinstance(value.value, int) else 0
