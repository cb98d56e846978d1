"""How the packages of a feed are made, judged before they leave, and recorded once they are delivered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from optimove_pipeline.assets.outcomes import Skipped
from optimove_pipeline.packages import Package
from optimove_pipeline.session import Session
from optimove_pipeline.settings.packages import PackageOptions
from optimove_pipeline.stages.leaving_out import Forgotten

MISSING_FILES = "missing_files"
"""Optimove's check of missing files: of a package before it leaves, and of its whole day afterwards."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a check of a package says; one that does not pass and ``blocks`` holds the delivery back."""

    check: str
    passed: bool
    blocks: bool
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of one feed's packages to their targets.

    ``make`` returns the package of a partition, and makes it if it is not there; ``options`` returns how it is
    packaged, and ``forgotten`` whose rows are left out; ``absent`` returns the partitions that can't be had any more;
    ``judge`` returns what the ``checks`` say of a package; ``changed`` is the reason under which one that changed
    since its delivery is sent again by itself, None where a person must give one; ``record`` notes that a target, by
    its name, has a package whole. Before one leaves, the feeds ``awaited`` are packaged, and ``waits_for`` says in
    words which are not, empty if all are. ``lacking`` tells in lines what else the receiver lacks of a partition's
    day, None where nobody looks; ``account`` returns where the rows that the source counted went, and raises if they
    do not add up.
    """

    make: Callable[[Session, date], Package]
    options: Callable[[Session, date], PackageOptions]
    forgotten: Callable[[Session], Forgotten]
    absent: Callable[[Session, Sequence[date]], Skipped]
    checks: tuple[str, ...] = ()
    judge: Callable[[Session, Package], Sequence[Judged]] = lambda session, package: ()
    changed: Callable[[Session], str | None] = lambda session: None
    record: Callable[[Session, Package, str], None] = lambda session, package, target: None
    awaited: tuple[str, ...] = ()
    waits_for: Callable[[Session, date], str] = lambda session, day: ""
    lacking: Callable[[Session, date], Sequence[str]] | None = None
    account: Callable[[Session, Package], Mapping[str, int]] = lambda session, package: {}
