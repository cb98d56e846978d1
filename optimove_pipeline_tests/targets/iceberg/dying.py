"""A process that loads a partition and stops at a moment of its commit, to be killed there or to go on.

``python -c "…main()" {"data": …, "moment": …}``. It prints a line when it has come to the moment, or when it has
delivered.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.stages.load import load
from optimove_pipeline.targets.iceberg import loading
from optimove_pipeline.targets.table import Rows
from optimove_pipeline_tests.targets.goods import package
from optimove_pipeline_tests.targets.iceberg.tables import BETS, at, rows, target

BEFORE, AFTER = "before the commit", "after the commit"
PROGRAM = "from optimove_pipeline_tests.targets.iceberg.dying import main; main()"
CONTENT = [(2, "new", at(2)), (3, "new", at(2))]


def arriving() -> Rows:
    """Return the rows that it loads."""
    return rows(BETS, "2026-11-20", CONTENT)


def main() -> None:
    """Load."""
    orders = json.loads(sys.argv[1])
    folder = Path(orders["data"])
    _stop_at(orders["moment"])
    made = package(folder / "package", [b"bets"], feed="bets")
    load(arriving(), made, target(folder), Ledger(ledger_file(folder)), "killed")
    _tell("delivered")


def _stop_at(moment: str) -> None:
    commit = vars(loading)["_commit"]

    def stopping(*given: Any) -> None:
        if moment == BEFORE:
            _stop()
        commit(*given)
        if moment == AFTER:
            _stop()

    vars(loading)["_commit"] = stopping


def _stop() -> None:
    _tell("there")
    sys.stdin.readline()


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
