"""What is to be set up before a target takes its first delivery, in steps: some by a program, some by people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Who carries a step out."""

    PROGRAM = "optimove-pipeline"
    """``optimove-pipeline connect --apply`` does it, and shows the statements before that."""
    COMPANY = "you"
    OPTIMOVE = "Optimove"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``title`` says in a line what it is for, ``text`` holds statements or values to copy as they are.

    Secrets appear as references (``${NAME}``), never as values.
    """

    who: Who
    title: str
    text: str = ""
