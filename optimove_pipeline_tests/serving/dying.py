"""A process that loads customers into an API's store and stops at a moment, to be killed there.

``python -c "…main()" {"root": …, "rows": …, "moment": …}``. It prints a line when it has come to the moment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from optimove_pipeline import ledger
from optimove_pipeline.ledger import Entry, Ledger, ledger_file
from optimove_pipeline.stages.load import load
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline.targets.table import Rows
from optimove_pipeline_tests.serving.api import customers_table, goods, many, package, settings_of

MOMENTS = ("amid the rows", "before the ledger")
PROGRAM = "from optimove_pipeline_tests.serving.dying import main; main()"


def main() -> None:
    """Deliver."""
    orders = json.loads(sys.argv[1])
    settings = settings_of(Path(orders["root"]))
    own = settings.target("api")
    assert isinstance(own, ApiSettings)
    rows = goods(customers_table(settings), many(orders["rows"]), blocks=4)
    if orders["moment"] == MOMENTS[0]:
        rows = replace(rows, frames=_stopping(rows))
    else:
        vars(ledger)["Ledger"].deliver = _stopped
    load(rows, package(rows), own.open("api", settings.data_dir), Ledger(ledger_file(settings.data_dir)), "killed")


def _stopping(rows: Rows) -> Callable[[], Iterator[pl.DataFrame]]:
    def frames() -> Iterator[pl.DataFrame]:
        for number, frame in enumerate(rows.frames()):
            if number == 2:
                _stop()
            yield frame

    return frames


def _stopped(_: Ledger, entry: Entry) -> Entry:
    _stop()
    return entry


def _stop() -> None:
    sys.stdout.write("there\n")
    sys.stdout.flush()
    sys.stdin.readline()
