"""What a check of one part came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optimove_pipeline.errors import PipelineError


class Outcome(StrEnum):
    """How a part stands."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    WARN = "warn"
    """It works, but something is to be looked at."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A part that was looked at, and in words what was found or, where it is not well, what is to be done."""

    part: str
    outcome: Outcome
    text: str


def passed(part: str, text: str) -> Finding:
    """Return that a part is well."""
    return Finding(part, Outcome.PASS, text)


def warned(part: str, text: str) -> Finding:
    """Return that a part works, and what is to be looked at."""
    return Finding(part, Outcome.WARN, text)


def failed(part: str, error: PipelineError | str) -> Finding:
    """Return that a part does not work, and why."""
    return Finding(part, Outcome.FAIL, " ".join(str(error).split()))


def unless(problems: list[Finding], part: str, text: str) -> Iterator[Finding]:
    """Yield the problems of a part, or that it is well if there are none."""
    yield from problems or [passed(part, text)]
