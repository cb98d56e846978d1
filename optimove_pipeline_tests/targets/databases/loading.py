"""A process that loads a partition and stops at a moment, to be killed there."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from optimove_pipeline import ledger
from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.stages.deliver import Delivered
from optimove_pipeline.stages.load import load
from optimove_pipeline.targets.table import Rows, TableTarget
from optimove_pipeline_tests.end_to_end.forked import LONGEST_SECONDS
from optimove_pipeline_tests.targets.databases.feeds import PLAYERS, TUESDAY, partition, players
from optimove_pipeline_tests.targets.goods import package

MOMENTS = ("while it loads", "before it records")
# The processes that commands are forked from: it has loaded most of what a load needs.
_PROCESSES = multiprocessing.get_context("forkserver")
NUMBERS = range(100, 400)


def load_players(rows: Rows, target: TableTarget, data_dir: Path, run_id: str) -> Delivered:
    """Load a partition of players through the stage, with the ledger of a data directory."""
    made = package(data_dir / "package", [b"one"])
    return load(rows, made, target, Ledger(ledger_file(data_dir)), run_id, pause=0.01)


def the_players() -> Rows:
    """Return the partition that is loaded, in three frames."""
    return partition(PLAYERS, "2026-11-20", players(*NUMBERS, changed=TUESDAY), at_once=100)


@contextmanager
def stopped_load(target: TableTargetSettings, data_dir: Path, moment: str) -> Iterator[None]:
    """A process that loads the players and has come to a moment; it is killed at the end."""
    here, there = _PROCESSES.Pipe()
    document = target.model_dump(mode="json")
    process = _PROCESSES.Process(target=_load, args=(document, data_dir, moment, dict(os.environ), there))
    process.start()
    there.close()
    try:
        assert here.poll(LONGEST_SECONDS)
        assert here.recv() == moment
        yield
    finally:
        process.kill()
        process.join()


def _load(
    document: dict[str, Any], data_dir: Path, moment: str, environment: Mapping[str, str], parent: Connection
) -> None:
    os.environ.update(environment)
    stop, rows = partial(_stop, parent, moment), the_players()
    if moment == MOMENTS[0]:
        rows = replace(rows, frames=lambda: _stopping(the_players(), stop))
    else:
        vars(ledger)["Ledger"].deliver = lambda own, entry: stop()
    settings = TypeAdapter(AnyTarget).validate_python(document)
    assert isinstance(settings, TableTargetSettings)
    load_players(rows, settings.open("crm", data_dir), data_dir, "killed")


def _stopping(rows: Rows, stop: Callable[[], None]) -> Iterator[pl.DataFrame]:
    for number, frame in enumerate(rows.frames()):
        if number == 2:
            stop()
        yield frame


def _stop(parent: Connection, moment: str) -> None:
    """Tell that the moment has come, and wait to be killed."""
    parent.send(moment)
    parent.recv()
