"""A process that loads a partition and stops at a moment, to be killed there.

``python -c "…main()" {"target": …, "data": …, "moment": …}``. It prints a line when it has come to the moment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from optimove_pipeline import ledger
from optimove_pipeline.ledger import Entry, Ledger, ledger_file
from optimove_pipeline.stages.deliver import Delivered
from optimove_pipeline.stages.load import load
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.snowflake.session import Row, SnowflakeSession
from optimove_pipeline.targets.snowflake.target import SnowflakeTarget
from optimove_pipeline.targets.table import Rows
from optimove_pipeline_tests.targets.goods import package
from optimove_pipeline_tests.targets.snowflake.tables import REPORT, detail, rows

MOMENTS = ("before it commits", "before it records")
PROGRAM = "from optimove_pipeline_tests.targets.snowflake.dying import main; main()"
NEW = [detail("b", "one"), detail("b", "two"), detail("c", "three")]


def arriving() -> Rows:
    """Return the partition that is loaded."""
    return rows(REPORT, "2026-11-20", NEW)


def load_them(target: SnowflakeTarget, run_id: str) -> Delivered:
    """Load the partition through the stage, with the ledger of the target's data directory."""
    made = package(target.data_dir / "package", [b"one"], feed=REPORT.feed)
    return load(arriving(), made, target, Ledger(ledger_file(target.data_dir)), run_id, pause=0.01)


def main() -> None:
    """Load, and stop at the moment."""
    orders = json.loads(sys.argv[1])
    if orders["moment"] == MOMENTS[0]:
        run = SnowflakeSession.run

        def stopping(session: SnowflakeSession, sql: str, what: str) -> list[Row]:
            if sql == "COMMIT":
                _stop()
            return run(session, sql, what)

        vars(sys.modules[SnowflakeSession.__module__])["SnowflakeSession"].run = stopping
    else:
        vars(ledger)["Ledger"].deliver = _stopped
    settings = SnowflakeShareSettings.model_validate(orders["target"])
    load_them(SnowflakeTarget("share", settings, Path(orders["data"])), "killed")


def _stopped(own: Ledger, entry: Entry) -> Entry:
    _stop()
    return entry


def _stop() -> None:
    sys.stdout.write("there\n")
    sys.stdout.flush()
    sys.stdin.readline()
