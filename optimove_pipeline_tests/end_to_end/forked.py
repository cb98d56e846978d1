"""Commands in processes that are forked from one which has Dagster loaded already.

They are processes like any other, with an exit code, streams, a folder and an environment of their own; only the
seconds that each would take to import the same modules again are saved. Nothing here imports Dagster.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

LONGEST_SECONDS = 600

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["optimove_pipeline.commands.pull", "optimove_pipeline.commands.plan"])


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    told: str


def run_forked(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ended:
    """Run ``optimove-pipeline`` to its end."""
    with TemporaryDirectory() as kept:
        out, told = Path(kept) / "out", Path(kept) / "told"
        process = _PROCESSES.Process(target=_carry_out, args=(arguments, dict(environment), folder, out, told))
        process.start()
        process.join(LONGEST_SECONDS)
        code = process.exitcode
        if code is None:
            process.kill()
            raise TimeoutError(f"{arguments} has not ended within {LONGEST_SECONDS} s:\n{told.read_text()}")
        process.close()
        return Ended(code, out.read_text(encoding="utf-8"), told.read_text(encoding="utf-8"))


def _carry_out(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, told: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in ((1, out), (2, told)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = ["optimove-pipeline", *arguments]
    from optimove_pipeline.cli import main

    main()
