"""Checking a target: a small file goes the way of a part, in a test folder, and is removed again."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.settings.target import TEST_FOLDER
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.target import Part, Session, Target

_CONTENT = b"optimove-pipeline wrote this file to see whether it may; it can be removed.\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """A step of the check; ``fix`` says what failed and what to do, and is empty where it passed."""

    step: str
    passed: bool
    fix: str = ""


def check(target: Target) -> list[Checked]:
    """Return the steps tried, ending with the first that failed: connect, write, rename, read back, delete.

    Where the target shows a file in one piece with its write, or is told not to rename, there is no step "rename".
    """
    steps: list[Checked] = []
    doing = "connect"

    def passed(following: str) -> None:
        nonlocal doing
        steps.append(Checked(doing, passed=True))
        doing = following

    with tempfile.TemporaryDirectory(prefix="optimove-") as folder, ExitStack() as stack:
        try:
            session = stack.enter_context(target.session())
            passed("write")
            _round_trip(session, _test_part(Path(folder)), passed)
        except PipelineError as error:
            steps.append(Checked(doing, passed=False, fix=str(error)))
    return steps


def _round_trip(session: Session, part: Part, passed: Callable[[str], None]) -> None:
    session.send(part, lambda: passed("rename"))
    passed("read back")
    found = session.look(part)
    if found is not None and found.sha256 != part.sha256:
        raise TargetError(
            f"{part.name}: written, but what is read back is not the same; without the right to read there, a broken "
            "delivery can only be told by its size"
        )
    passed("delete")
    session.discard(part)
    passed("")


def _test_part(folder: Path) -> Part:
    file = folder / "test.txt"
    file.write_bytes(_CONTENT)
    name = f"{TEST_FOLDER}/{uuid.uuid4().hex}.txt"
    return Part(file, name, 1, len(_CONTENT), hashlib.sha256(_CONTENT).hexdigest())
