"""What the deliver stage and the targets agree on.

A target takes the parts of a package one by one, over one or several sessions. Whatever it is (a folder, a server, a
bucket, a database), it can tell what lies under a part's name, and it makes a part visible to the receiver in one
last step, whole. Between the two the deliver stage delivers each part exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Part:
    """A local file as it is to be delivered; ``name`` is its name at the target, perhaps within a side folder."""

    file: Path
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at the target under a part's name; ``sha256`` is None where the target does not let us read it."""

    bytes: int
    sha256: str | None

    def is_whole(self, part: Part) -> bool:
        """Return whether it is the part, as far as can be told."""
        return self.bytes == part.bytes and self.sha256 in {part.sha256, None}


class Session(Protocol):
    """A connection to a target, for one thread at a time. Every method raises ``TargetError``."""

    def look(self, part: Part) -> Found | None:
        """Return what lies under the part's name, or None if nothing does."""

    def is_waiting(self, part: Part) -> bool:
        """Return whether the part lies, sent, where the receiver doesn't look for it: its last step was not done."""

    def send(self, part: Part, before_last_step: Callable[[], None]) -> None:
        """Send a part that is not there: whole, verified, and never over something else.

        ``before_last_step`` is called when the part has arrived and been verified, right before the one step that
        shows it to the receiver. What an earlier try has left is replaced.
        """

    def discard(self, part: Part) -> None:
        """Remove what lies under the part's name."""

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove what we have left behind over a day ago, but for the parts named; return its names."""


class Target(Protocol):
    """A place that packages go to, as the settings describe it."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    @property
    def connections(self) -> int:
        """How many sessions may be open at once."""

    @property
    def attempts(self) -> int:
        """How often a part is tried before its delivery fails."""

    @property
    def in_place(self) -> bool:
        """Whether a part is sent under its final name, so that a broken one of ours may lie there."""

    @property
    def manifest_folder(self) -> str | None:
        """The side folder that takes a package's manifest after its parts; None if none is wanted."""

    def session(self) -> AbstractContextManager[Session]:
        """Open a connection."""
