"""A process that delivers a package and stops at a moment of its first part, to be killed there.

``python -c "…main()" {"folder": …, "data": …, "target": …, "moment": …}``. It prints a line when it has come to the
moment, or when it has delivered.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets import local, sftp
from optimove_pipeline.targets.files import FileSession
from optimove_pipeline.targets.target import Part
from optimove_pipeline_tests.targets.goods import contents, package
from optimove_pipeline_tests.targets.opened import opened

PARTS, SIZE = 3, 600_000
MOMENTS = ("while it writes", "before it renames", "after it renames")
PROGRAM = "from optimove_pipeline_tests.targets.dying import main; main()"


def main() -> None:
    """Deliver."""
    orders = json.loads(sys.argv[1])
    _stop_at(orders["moment"])
    target = opened("optimove", orders["target"], Path(orders["data"]))
    made = package(Path(orders["folder"]), contents(PARTS, SIZE))
    deliver(made, target, Ledger(ledger_file(Path(orders["data"]))), "killed")
    _tell("delivered")


def _stop_at(moment: str) -> None:
    publish = FileSession.publish

    def stopping(session: FileSession, part: Part) -> None:
        if moment == "before it renames":
            _stop()
        publish(session, part)
        if moment == "after it renames":
            _stop()

    if moment == "while it writes":
        for module in (local, sftp):
            vars(module)["blocks"] = _first_blocks
    else:
        vars(local)["FileSession"].publish = stopping


def _first_blocks(part: Part, size: int) -> Iterator[bytes]:
    yield part.file.read_bytes()[: part.bytes // 2]
    _stop()


def _stop() -> None:
    _tell("there")
    sys.stdin.readline()


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
