"""A process that loads a partition and stops at a moment, to be killed there.

``python -c "…main()" {"target": …, "data": …, "moment": …}``. It prints a line when it has come to the moment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from optimove_pipeline import ledger
from optimove_pipeline.ledger import Entry, Ledger, ledger_file
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.stages.deliver import Delivered
from optimove_pipeline.stages.load import load
from optimove_pipeline.targets.table import Rows, TableTarget
from optimove_pipeline_tests.targets.databases.feeds import PLAYERS, TUESDAY, partition, players
from optimove_pipeline_tests.targets.goods import package

MOMENTS = ("while it loads", "before it records")
PROGRAM = "from optimove_pipeline_tests.targets.databases.loading import main; main()"
NUMBERS = range(100, 400)


def load_players(rows: Rows, target: TableTarget, data_dir: Path, run_id: str) -> Delivered:
    """Load a partition of players through the stage, with the ledger of a data directory."""
    made = package(data_dir / "package", [b"one"])
    return load(rows, made, target, Ledger(ledger_file(data_dir)), run_id, pause=0.01)


def the_players() -> Rows:
    """Return the partition that is loaded, in three frames."""
    return partition(PLAYERS, "2026-11-20", players(*NUMBERS, changed=TUESDAY), at_once=100)


def opened(document: dict[str, Any]) -> TableTarget:
    """Return the target that a document describes."""
    settings = TypeAdapter(AnyTarget).validate_python(document)
    assert isinstance(settings, TableTargetSettings)
    return settings.open("crm", Path("/nowhere"))


def main() -> None:
    """Load, and stop at the moment."""
    orders = json.loads(sys.argv[1])
    rows = the_players()
    if orders["moment"] == MOMENTS[0]:
        rows = replace(rows, frames=lambda: _stopping(the_players()))
    else:
        vars(ledger)["Ledger"].deliver = _stopped
    load_players(rows, opened(orders["target"]), Path(orders["data"]), "killed")


def _stopping(rows: Rows) -> Iterator[pl.DataFrame]:
    for number, frame in enumerate(rows.frames()):
        if number == 2:
            _stop()
        yield frame


def _stopped(own: Ledger, entry: Entry) -> Entry:
    _stop()
    return entry


def _stop() -> None:
    sys.stdout.write("there\n")
    sys.stdout.flush()
    sys.stdin.readline()
